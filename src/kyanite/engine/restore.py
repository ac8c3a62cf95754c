"""Restoring disks: planned by pack, fetched in parallel, every chunk checked against its name.

Memory is bounded by what is planned ahead. Zeros are never written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from kyanite.base.errors import EngineError, Missing, NotFound
from kyanite.base.units import MIB
from kyanite.engine.chunk_reader import ChunkReader, no_chunk
from kyanite.engine.control import Control, NoControl
from kyanite.engine.copies import Copies, open_copies
from kyanite.engine.crew import Task, run_tasks
from kyanite.engine.entry_runs import data_runs, in_parts, zero_runs
from kyanite.engine.index import Index
from kyanite.engine.joined_writes import ForeseeingTarget, JoinedWrites, Target
from kyanite.engine.pack import PackNumber
from kyanite.engine.page_reader import PageReader, named_first
from kyanite.engine.pages import Entry, needs_of
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.read_keys import ReadKeys
from kyanite.engine.read_pacing import ReadPacing
from kyanite.engine.restore_plan import Fetch, PackWants, Wanted, in_batches, paced_fetches
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.streaming import reads_in_place
from kyanite.engine.threads import planned_ahead
from kyanite.engine.wanted_packs import WantedPacks

__all__ = ["WINDOW_BYTES", "RestoreResult", "Target", "data_bytes", "restore_disk"]

WINDOW_BYTES: Final = 2 * MIB
"""Of a pack in memory: its chunks are opened while the rest is on its way."""

# Between two looks whether to go on, each with a word on how far it is: of a slow storage, a
# pack may take seconds.
_TOLD_BYTES: Final = 8 * MIB

# Planned while others are fetched: a second or two of work.
_FETCHES_AHEAD: Final = 64

# Where reads need not wait for their storage, small ones go to a thread together: handing over
# costs more than reading.
_BATCH_BYTES: Final = 4 * MIB

# Chunks and zeros that are looked up at once: some milliseconds, for which threads may wait.
_LOOKED_UP: Final = 512

Lost: TypeAlias = Callable[[int, int, str], None]
"""Told offset, length and reason of what cannot be read and stays as it is in the target."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """Byte counts of a restored disk."""

    read_bytes: int
    written_bytes: int


def restore_disk(
    storage: Storage,
    keys: ReadKeys,
    point: Point,
    disk_id: str,
    target: Target,
    control: Control | None = None,
    already: RangeList | None = None,
    parallelism: Parallelism | None = None,
    holes: Callable[[int, int], None] | None = None,
    index: Index | None = None,
    within: ByteRange | None = None,
    lost: Lost | None = None,
) -> RestoreResult:
    """Restore one disk of a point.

    index    the repository's, for callers that restore several disks and load it once
    already  ranges that are right in the target and are left alone
    within   the part of the disk that is wanted; everything else is neither read nor written
    holes    is told offset and length of every run of zeros, for targets that are not fresh
    lost     is told what cannot be read; without it the first such chunk ends the restore

    Raises ``Missing``, ``Damaged``, ``WrongKey``, and what storage, target and control raise.
    """
    disk = _disk(point, disk_id)
    copies = open_copies(storage, keys.maintenance_key, keys.repository_id, index)
    restoring = _Restore(
        storage,
        keys,
        copies,
        target,
        control or NoControl(),
        already or RangeList.empty(),
        parallelism or Parallelism.local(),
        within or ByteRange(0, disk.size_bytes),
        lost,
    )
    return restoring.run(disk, holes)


def data_bytes(storage: Storage, keys: ReadKeys, index: Index, point: Point, disk_id: str) -> int:
    """How many bytes of a disk are not zero: what restoring it will write.

    Reads its pages, one for each span. Raises ``NotFound``, ``Missing``, ``Damaged``.
    """
    reader = PageReader(
        storage, index.find_all, keys.maintenance_key, keys.repository_id, keys.id_key
    )
    return sum(
        entry.length
        for _, entries in reader.spans(_disk(point, disk_id))
        for entry in entries
        if entry.chunk_id is not None
    )


def _disk(point: Point, disk_id: str) -> PointDisk:
    disk = point.disk(disk_id)
    if disk is None:
        raise NotFound(f"The point has no disk {disk_id}.")
    return disk


class _Restore:
    def __init__(
        self,
        storage: Storage,
        keys: ReadKeys,
        copies: Copies,
        target: Target,
        control: Control,
        already: RangeList,
        parallelism: Parallelism,
        within: ByteRange,
        lost: Lost | None,
    ) -> None:
        self._copies = copies
        self._skips_gaps = reads_in_place(storage)
        self._chunks = ChunkReader(storage, keys, copies)
        self._pages = PageReader(
            storage,
            copies.find_all,
            keys.maintenance_key,
            keys.repository_id,
            keys.id_key,
            copies.find_again,
        )
        self._target = target
        self._control = control
        self._already = already
        self._parallelism = parallelism
        self._within = within
        self._lost = lost
        self._lock = threading.Lock()
        self._read_bytes = 0
        self._written_bytes = 0

    def run(self, disk: PointDisk, holes: Callable[[int, int], None] | None) -> RestoreResult:
        start, end = self._within.offset, min(self._within.end, disk.size_bytes)

        def tasks() -> Generator[Task, None, None]:
            spans = self._pages.spans(disk, (start, end), self._lost_list())
            packs = WantedPacks(disk.needs)
            pacing = self._pacing(disk)
            pacing.pages_read(len(disk.inner))
            done = start
            for span, entries in spans:
                pacing.pages_read(1)
                if holes is not None:
                    for run in zero_runs(span.offset, entries, ByteRange(done, end - done)):
                        holes(run.offset, run.length)
                    done = span.offset + span.length
                for offset, some in in_parts(span.offset, entries, _LOOKED_UP):
                    self._foretell(offset, some)
                    packs.saw(needs_of(some))
                    packs.add(self._wanted(offset, some))
                    yield from self._fetches(packs.take(), pacing)
            yield from self._fetches(packs.take(everything=True), pacing)
            if holes is not None and done < end:
                holes(done, end - done)

        # Whoever wants the next fetch must not wait until a span is planned.
        ahead = planned_ahead(tasks(), _FETCHES_AHEAD)
        run_tasks(ahead, self._parallelism.fetches, WINDOW_BYTES)
        return RestoreResult(self._read_bytes, self._written_bytes)

    def _lost_list(self) -> Callable[[int, int, EngineError], None] | None:
        if self._lost is None:
            return None
        return lambda offset, length, error: self._report(offset, length, str(error))

    def _report(self, offset: int, length: int, reason: str) -> None:
        """Tell of a range that cannot be read, as far as it is wanted."""
        start = max(offset, self._within.offset)
        end = min(offset + length, self._within.end)
        if self._lost is not None and start < end:
            with self._lock:
                self._lost(start, end - start, reason)

    def _pacing(self, disk: PointDisk) -> ReadPacing:
        whole = self._within == ByteRange(0, disk.size_bytes) and not len(self._already)
        total_bytes = sum(disk.needs.values()) if whole else None
        return ReadPacing(
            self._parallelism.fetches,
            self._parallelism.fetch_bytes,
            total_bytes,
            skips_gaps=self._skips_gaps,
        )

    def _foretell(self, offset: int, entries: Sequence[Entry]) -> None:
        if isinstance(self._target, ForeseeingTarget):
            for run in data_runs(offset, entries, self._within):
                self._target.expect(run.offset, run.length)

    def _wanted(self, offset: int, entries: Sequence[Entry]) -> Iterator[Wanted]:
        """What is wanted of entries that begin at an offset of the disk."""
        self._control.check()
        places: list[tuple[bytes, int, PackNumber | None, int]] = []
        start, end = self._within.offset, self._within.end
        at = offset
        for length, chunk_id, pack in entries:
            if (
                chunk_id is not None
                and at < end
                and at + length > start
                and not self._is_done(at, length)
            ):
                places.append((chunk_id, length, pack, at))
            at += length
        found = self._copies.find_named_many([(chunk_id, pack) for chunk_id, _, pack, _ in places])
        for (chunk_id, length, pack, at), locations in zip(places, found, strict=True):
            copies = named_first(locations or self._copies.find_again(chunk_id), pack)
            if copies:
                yield Wanted(chunk_id, length, copies[0], [at])
            elif self._lost is not None:
                self._report(at, length, no_chunk(chunk_id, at))
            else:
                raise Missing(no_chunk(chunk_id, at))

    def _is_done(self, offset: int, length: int) -> bool:
        if not self._already:
            return False
        start = max(offset, self._within.offset)
        return self._already.covers(start, min(offset + length, self._within.end) - start)

    def _fetches(self, packs: Iterable[PackWants], pacing: ReadPacing) -> Iterator[Task]:
        least_bytes = _BATCH_BYTES if pacing.skips_gaps else 0
        for batch in in_batches(paced_fetches(packs, pacing), least_bytes):
            yield partial(self._fetch_all, batch)

    def _fetch_all(self, batch: Sequence[Fetch], window: memoryview) -> None:
        for fetch in batch:
            self._fetch(fetch, window)

    def _fetch(self, fetch: Fetch, window: memoryview) -> None:
        self._control.check()
        writes = JoinedWrites(self._target, self._parallelism.write_bytes)
        untold_read = fetch.read_bytes - sum(one.location.stored_length for one in fetch.wanted)
        untold_written = 0
        for one, plain in self._chunks.read(fetch, window):
            untold_read += one.location.stored_length
            if isinstance(plain, EngineError):
                if self._lost is None:
                    raise plain
                for place in one.places:
                    self._report(place, one.length, str(plain))
                continue
            for place in one.places:
                start = max(place, self._within.offset)
                end = min(place + len(plain), self._within.end)
                if end - start < len(plain):
                    writes.write(start, memoryview(plain)[start - place : end - place])
                else:
                    writes.write(place, plain)
                untold_written += end - start
            if untold_written >= _TOLD_BYTES:
                self._tell(untold_read, untold_written)
                untold_read = untold_written = 0
                self._control.check()
        writes.flush()
        self._tell(untold_read, untold_written)

    def _tell(self, read_bytes: int, written_bytes: int) -> None:
        with self._lock:
            self._read_bytes += read_bytes
            self._written_bytes += written_bytes
        self._control.advance(read=read_bytes, processed=written_bytes, stored=written_bytes)
