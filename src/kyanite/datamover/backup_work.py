"""A backup order carried out: find what changed, feed it to the engine."""

from __future__ import annotations

from functools import partial

from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.compute.changed_ranges import allocated_ranges, changed_ranges
from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.compute.reader import DiskReader
from kyanite.azure.connections import ConnectionPool
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import Gone, Rejected
from kyanite.datamover.conversation import Conversation
from kyanite.datamover.messages import CredentialKind
from kyanite.datamover.orders import BackupOrder, BackupOutcome, SourceDisk, StorageAccess
from kyanite.engine.backup import back_up
from kyanite.engine.cutting import cut_step_bytes
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.threads import parallel_map


def carry_out_backup(order: BackupOrder, conversation: Conversation) -> BackupOutcome:
    """Back up all disks of the order into its point. Repeating it after any interruption
    takes up what the session has stored already."""
    pool = ConnectionPool(order.ca_file)
    try:
        in_full: list[tuple[str, str]] = []
        inputs = parallel_map(
            lambda disk: _input(order, disk, conversation, pool, in_full), order.disks
        )
        step_bytes = cut_step_bytes(order.ticket.settings)
        conversation.expect(sum(work_bytes(disk, step_bytes) for disk in inputs))
        result = back_up(
            open_storage(order.storage, conversation, pool),
            order.keys,
            order.ticket,
            inputs,
            order.recipe,
            control=conversation,
            parallelism=Parallelism.network(),
            limits=conversation.limits,
            lock_until=order.lock_until,
        )
    finally:
        pool.close()
    point = result.point
    return BackupOutcome(
        kind=point.kind,
        read_bytes=point.read_bytes,
        processed_bytes=point.processed_bytes,
        stored_bytes=point.stored_bytes,
        transferred_bytes=point.transferred_bytes,
        committed_before=result.committed_before,
        read_in_full=tuple(sorted(in_full)),
    )


def _input(
    order: BackupOrder,
    disk: SourceDisk,
    conversation: Conversation,
    pool: ConnectionPool,
    in_full: list[tuple[str, str]],
) -> DiskInput:
    pages = DiskPages(
        pool, renewable(conversation, disk.source, "source", disk.disk_id), conversation.check
    )
    size_bytes = pages.size_bytes()
    if size_bytes != disk.size_bytes:
        raise Rejected(
            f"The snapshot of {disk.name} has {size_bytes} bytes, its disk {disk.size_bytes}."
        )
    changes = disk.changes
    if changes is None and disk.previous is not None and order.ticket.parent is not None:
        previous = renewable(conversation, disk.previous, "previous", disk.disk_id)
        try:
            changes = changed_ranges(pages, previous, size_bytes)
        except (Rejected, Gone) as error:
            # Not of one family, resized over a limit, or gone: everything is read instead.
            in_full.append((disk.disk_id, str(error)))
    return DiskInput(
        disk.disk_id,
        disk.name,
        size_bytes,
        DiskReader(pages, conversation.limit),
        allocated=allocated_ranges(pages, size_bytes) if changes is None else None,
        changes=changes,
    )


def work_bytes(disk: DiskInput, step_bytes: int) -> int:
    """At least what the engine will process of a disk: the ranges, widened to places of cuts.

    With cuts by content, an increment reads on to the next cut; that is not known before.
    """
    ranges = disk.changes if disk.changes is not None else disk.allocated
    if ranges is None:
        return disk.size_bytes
    touched = RangeList(_widened(item, step_bytes) for item in ranges)
    return touched.clip(disk.size_bytes).covered_bytes


def _widened(item: ByteRange, step_bytes: int) -> ByteRange:
    start = item.offset // step_bytes * step_bytes
    end = -(-item.end // step_bytes) * step_bytes
    return ByteRange(start, end - start)


def renewable(
    conversation: Conversation, first: SignedUrl, kind: CredentialKind, disk_id: str = ""
) -> RenewableUrl:
    """An access that asks the appliance for the next one when it has ended."""
    ask = partial(conversation.credential, kind, disk_id)
    return RenewableUrl(first, lambda _: ask())


def open_storage(
    access: StorageAccess, conversation: Conversation, pool: ConnectionPool
) -> BlobStorage:
    """The repository's storage with the order's credential."""
    return BlobStorage.signed(
        renewable(conversation, access.container, "storage"),
        access.folder,
        pool=pool,
        check=conversation.check,
        tier=access.tier,
    )
