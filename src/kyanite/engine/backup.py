"""A backup: disks and a recipe in, a point out (docs/format/order.md, "Backup").

Running it again with the same ticket after any interruption goes on where it was: packs
that were stored whole are used, and a point that was committed already is the result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import Invalid, Missing, ObjectExists, ObjectMissing
from kyanite.engine.catalog import exists, read_point
from kyanite.engine.chain import Chain
from kyanite.engine.chunk_store import ChunkStore, SpanKey
from kyanite.engine.condemned import condemned_packs, pack_of_name
from kyanite.engine.control import Control, NoControl
from kyanite.engine.crew import Task, run_tasks
from kyanite.engine.cutting import CutRule, cutter_for
from kyanite.engine.damage_notes import read_notes
from kyanite.engine.disk_input import DiskInput, StreamInput
from kyanite.engine.disk_writer import DiskWriter
from kyanite.engine.format import (
    PACKS_PREFIX,
    Kind,
    point_name,
    session_name,
    text_of,
)
from kyanite.engine.index import Index, load_index
from kyanite.engine.keys import BackupKeys
from kyanite.engine.pack import PackRef, PackTable, read_table
from kyanite.engine.pack_set import PackSet
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.page_reader import PageReader
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.parent_holes import with_holes
from kyanite.engine.point import Point, decode_point, encode_point
from kyanite.engine.sealed_object import fetch, kind_of, unseal
from kyanite.engine.session import SessionTicket, voided
from kyanite.engine.session_index import SessionIndex
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map, planned_ahead, together
from kyanite.engine.traces import put_trace, trace_name

if TYPE_CHECKING:
    from kyanite.engine.limits import Limits
    from kyanite.engine.stream_writer import StreamWriter

# When all is planned, the last packs begin: what is left then of a full backup takes about
# as long as one pack on one connection.
_TASKS_AHEAD: Final = 64


@dataclass(frozen=True, slots=True)
class BackupResult:
    """The committed point. ``committed_before``: an earlier attempt had committed it."""

    point: Point
    committed_before: bool


def back_up(
    storage: Storage,
    keys: BackupKeys,
    ticket: SessionTicket,
    disks: Sequence[DiskInput | StreamInput],
    recipe: bytes,
    control: Control | None = None,
    parallelism: Parallelism | None = None,
    clock: Clock | None = None,
    lock_until: datetime | None = None,
    limits: Limits | None = None,
) -> BackupResult:
    """Back up ``disks`` as the point of the ticket's session.

    ``limits`` may be changed while it runs. ``lock_until`` is only written down: whoever
    may lock does it (``Maintenance.lock``).
    Raises ``Missing`` (the parent point is gone: back up in full), ``PointVoided`` (the
    session was given up), ``Damaged``, and what source, storage and control raise.
    """
    if len({disk.disk_id for disk in disks}) < len(disks):
        raise Invalid("A disk is named twice in one backup.")
    if limits is not None:
        from kyanite.engine.storage.throttled import ThrottledStorage

        storage = ThrottledStorage(storage, limits.sending, limits.receiving)
    run = _Backup(
        storage, keys, ticket, control or NoControl(), parallelism or Parallelism.local(), limits
    )
    before = run.committed()
    if before is not None:
        return run.announced(before, committed_before=True)
    try:
        return run.run(disks, recipe, clock or SystemClock(), lock_until)
    except Missing:
        # Who took the session over has ended it, and what it was made from may be gone by now.
        before = run.committed()
        if before is None:
            raise
        return run.announced(before, committed_before=True)


class _Backup:
    def __init__(
        self,
        storage: Storage,
        keys: BackupKeys,
        ticket: SessionTicket,
        control: Control,
        parallelism: Parallelism,
        limits: Limits | None,
    ) -> None:
        self._limits = limits
        self._storage = storage
        self._keys = keys
        self._ticket = ticket
        self._control = control
        self._parallelism = parallelism

    def committed(self) -> Point | None:
        """The session's point, if an earlier attempt has put it. Raises ``PointVoided``."""
        name = point_name(self._ticket.session_id)
        try:
            data = fetch(self._storage, name)
        except ObjectMissing:
            return None
        if kind_of(name, data) is Kind.VOID:
            keys = (self._keys.maintenance_key, self._keys.repository_id)
            unseal(Kind.VOID, name, data, *keys)  # else anything could say that it is over
            raise voided(self._ticket.session_id)
        return decode_point(
            self._ticket.session_id,
            data,
            self._keys.maintenance_key,
            self._keys.repository_id,
            # An attempt before the keys were rotated sealed its recipe with another root.
            lambda _, epoch: self._keys.session_root if epoch == self._keys.epoch else None,
        )

    def run(
        self,
        disks: Sequence[DiskInput | StreamInput],
        recipe: bytes,
        clock: Clock,
        lock_until: datetime | None,
    ) -> BackupResult:
        (index, own, noted), parent = together(self._look_around, self._parent)
        settings = self._ticket.settings
        cutter = cutter_for(settings, self._keys)
        packs = SessionIndex(self._storage, self._keys.maintenance_key, self._keys.repository_id)
        with PackUploads(
            self._storage,
            self._keys,
            settings.pack_bytes,
            self._parallelism.uploads,
            self._control,
            first_ordinal=1 + max((table.pack.ordinal for table in own), default=-1),
            taken=packs.add,
            limits=self._limits,
        ) as uploads:
            store = ChunkStore(self._keys, index, uploads, settings.zstd_level)
            store.know(own)
            while own:
                packs.add(own.pop())  # which frees it
            reader = PageReader(
                self._storage,
                index.find_all,
                self._keys.maintenance_key,
                self._keys.repository_id,
                self._keys.id_key,
            )
            if len(noted):
                disks = [with_holes(disk, parent, reader, noted) for disk in disks]
            writers = parallel_map(
                lambda numbered: self._writer(*numbered, parent, cutter.rule, reader),
                enumerate(disks),
            )
            chain = Chain(store, cutter, self._parallelism, self._control)
            touched = {n: w.touched() for n, w in enumerate(writers)}
            self._write(writers, touched, chain, uploads.near_end)
            point_disks = [writer.finish(store) for writer in writers]
            uploads.flush()  # looked at as late as can be
            while lost := self._lost(store):
                store.exclude(lost.keys())
                self._write(writers, _by_disk(lost), chain, uploads.near_end)
                point_disks = [writer.finish(store) for writer in writers]
                uploads.flush()
        point = Point(
            self._ticket.session_id,
            self._ticket.machine_id,
            self._ticket.label,
            clock.now().isoformat(),
            "Incremental" if any(w.kind == "Incremental" for w in writers) else "Full",
            self._ticket.parent,
            tuple(point_disks),
            packs.size_bytes,
            chain.moved.read_bytes,
            chain.moved.processed_bytes,
            uploads.stored.stored_bytes,
            recipe,
            epoch=self._keys.epoch,
            lock_until=None if lock_until is None else lock_until.astimezone(UTC).isoformat(),
        )
        return self._commit(point, packs)

    def _writer(
        self,
        place: int,
        disk: DiskInput | StreamInput,
        parent: Point | None,
        rule: CutRule,
        reader: PageReader,
    ) -> DiskWriter | StreamWriter:
        settings = self._ticket.settings
        if isinstance(disk, StreamInput):
            from kyanite.engine.stream_writer import StreamWriter  # most backups have none

            return StreamWriter(place, disk, settings, self._keys)
        before = parent.disk(disk.disk_id) if parent else None
        return DiskWriter(place, disk, before, settings, rule, reader)

    def _look_around(self) -> tuple[Index, list[PackTable], PackSet]:
        """The index without packs that must not be shared, the packs of earlier attempts, and

        those that are noted as damaged.
        """
        keys = self._keys
        (condemned, noted), index, own = together(
            self._unshared,
            lambda: load_index(self._storage, keys.maintenance_key, keys.repository_id),
            self._own_packs,
        )
        condemned.update(table.pack.number for table in own)
        return index.excluding((*condemned, *noted)), own, noted

    def _unshared(self) -> tuple[PackSet, PackSet]:
        """Packs on condemned lists, and packs that are noted as damaged."""
        keys = self._keys
        condemned, (note, _) = together(
            lambda: condemned_packs(self._storage, keys.maintenance_key, keys.repository_id),
            lambda: read_notes(self._storage, keys.maintenance_key, keys.repository_id),
        )
        return condemned, note.unusable

    def _own_packs(self) -> list[PackTable]:
        prefix = f"{PACKS_PREFIX}{self._ticket.session_id}/"
        refs = [pack_of_name(info.name) for info in self._storage.list(prefix)]
        return parallel_map(
            lambda ref: read_table(
                self._storage, ref, self._keys.maintenance_key, self._keys.repository_id
            ),
            [ref for ref in refs if ref is not None],
        )

    def _parent(self) -> Point | None:
        """Read after the session was registered, never before (order.md, backup step 2)."""
        parent = self._ticket.parent
        if parent is None:
            return None
        keys = self._keys
        point = None
        if exists(self._storage, session_name(parent)):
            try:
                point = read_point(self._storage, parent, keys.maintenance_key, keys.repository_id)
            except ObjectMissing:
                point = None
        if point is None:
            raise Missing(f"The parent point {parent} is gone; back up in full.")
        return point

    def _write(
        self,
        writers: Sequence[DiskWriter | StreamWriter],
        spans: Mapping[int, Sequence[int]],
        chain: Chain,
        near_end: Callable[[], None],
    ) -> None:
        def tasks() -> Generator[Task, None, None]:
            for place, numbers in sorted(spans.items()):
                yield from writers[place].tasks(numbers, chain)
            near_end()

        planned = tasks()
        if self._parallelism.waits_for_storage:
            planned = planned_ahead(planned, _TASKS_AHEAD)
        run_tasks(planned, self._parallelism.readers, chain.buffer_bytes)

    def _lost(self, store: ChunkStore) -> dict[PackRef, set[SpanKey]]:
        """Shared packs that are condemned or gone by now, and the spans that use them."""
        shared = store.shared_packs()
        if not shared:
            return {}
        condemned, noted = self._unshared()
        sessions = sorted({pack.session_id for pack in shared})
        listings = parallel_map(
            lambda one: {i.name for i in self._storage.list(f"{PACKS_PREFIX}{text_of(one)}/")},
            sessions,
        )
        present = set().union(*listings)
        return {
            pack: spans
            for pack, spans in shared.items()
            if pack in condemned or pack in noted or pack.name not in present
        }

    def _commit(self, point: Point, packs: SessionIndex) -> BackupResult:
        keys = self._keys
        self._control.check()
        packs.finish()
        self._control.check()
        before = False
        try:
            self._storage.put(
                point_name(point.session_id),
                encode_point(point, keys.session_root, keys.maintenance_key, keys.repository_id),
            )
        except ObjectExists:
            found = self.committed()
            if found is None:
                raise
            point, before = found, True
        return self.announced(point, before)

    def announced(self, point: Point, committed_before: bool) -> BackupResult:
        """The result, if the point counts. Raises ``PointVoided`` if it was deleted meanwhile."""
        if not exists(self._storage, session_name(point.session_id)):
            raise voided(point.session_id)
        keys = self._keys
        put_trace(self._storage, point, keys.maintenance_key, keys.repository_id)
        if not exists(self._storage, session_name(point.session_id)):
            # Deleted in between: that deletion may have come before the trace.
            self._storage.delete(trace_name(point.session_id))
            raise voided(point.session_id)
        return BackupResult(point, committed_before)


def _by_disk(lost: Mapping[PackRef, set[SpanKey]]) -> dict[int, list[int]]:
    """Which spans of which disks have to be written again."""
    spans: dict[int, set[int]] = {}
    for keys in lost.values():
        for place, number in keys:
            spans.setdefault(place, set())
            if number >= 0:  # below zero: an inner page, written again anyway
                spans[place].add(number)
    return {place: sorted(numbers) for place, numbers in spans.items()}
