"""A restore order carried out: the bytes of a point into upload disks, one after another."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Final

from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.compute.uploader import DiskUploader
from kyanite.azure.connections import ConnectionPool
from kyanite.base.errors import Invalid, KyaniteError
from kyanite.datamover.asked_keys import AskedKeys
from kyanite.datamover.backup_work import open_storage, renewable
from kyanite.datamover.conversation import Conversation
from kyanite.datamover.messages import DiskWritten
from kyanite.datamover.orders import RestoreOrder, RestoreOutcome, TargetDisk
from kyanite.engine.index import Index, load_index
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.restore import data_bytes, restore_disk

_FOOTER_NAMESPACE: Final = uuid.UUID("5b0c8a52-6b0b-4e0c-9c3e-0d8d4d8d2a01")
"""The footer's own id follows from point and disk, so that a repeated upload is identical."""


def carry_out_restore(order: RestoreOrder, conversation: Conversation) -> RestoreOutcome:
    """Restore all disks of the order. Repeating it writes the same bytes again."""
    pool = ConnectionPool(order.ca_file)
    try:
        storage = open_storage(order.storage, conversation, pool)
        keys = replace(order.keys, pack_keys=AskedKeys(order.keys.pack_keys, conversation.keys))
        index = load_index(storage, keys.maintenance_key, keys.repository_id)
        counting = threading.Thread(
            target=_tell_total, args=(order, storage, index, conversation), daemon=True
        )
        counting.start()
        written = read = 0
        for disk in order.disks:
            pages = DiskPages(
                pool,
                renewable(conversation, disk.target, "target", disk.disk_id),
                conversation.check,
            )
            with DiskUploader(pages, disk.size_bytes, conversation.limit) as target:
                result = restore_disk(
                    storage,
                    keys,
                    order.point,
                    disk.disk_id,
                    target,
                    conversation,
                    already=disk.already,
                    parallelism=Parallelism.network(),
                    index=index,
                )
                target.finish(_footer_id(order, disk), _made_at(order.point.created_at))
            conversation.tell_written(
                DiskWritten(disk.disk_id, result.written_bytes, result.read_bytes)
            )
            written += result.written_bytes
            read += result.read_bytes
        counting.join()  # so that even the shortest restore tells its total
        return RestoreOutcome(written, read)
    finally:
        pool.close()


def _tell_total(
    order: RestoreOrder, storage: BlobStorage, index: Index, conversation: Conversation
) -> None:
    """Count what is to be written while the first bytes are on their way already."""
    try:
        total = sum(
            data_bytes(storage, order.keys, index, order.point, disk.disk_id)
            for disk in order.disks
        )
    except KyaniteError:
        return  # the restore itself meets the same trouble, and tells it
    conversation.expect(total)


def _footer_id(order: RestoreOrder, disk: TargetDisk) -> uuid.UUID:
    return uuid.uuid5(_FOOTER_NAMESPACE, f"{order.point.session_id}/{disk.disk_id}")


def _made_at(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"The point says that it was made at '{text}'.") from error
