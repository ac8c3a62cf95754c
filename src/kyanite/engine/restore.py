"""Restoring disks: planned by pack, fetched in parallel, every chunk checked against its name.

Memory is bounded by planning a stretch of the disk at a time. Zeros are never written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, Protocol

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged, Missing, NotFound, ObjectMissing, WrongKey
from kyanite.engine.control import Control, NoControl
from kyanite.engine.crew import Task, run_tasks
from kyanite.engine.format import EntryType
from kyanite.engine.index import Index, load_index
from kyanite.engine.keys import RestoreKeys
from kyanite.engine.pack import PackNumber, open_entry
from kyanite.engine.page_reader import PageReader, Span, named_first
from kyanite.engine.pages import Entry
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.ranges import RangeList
from kyanite.engine.restore_plan import Fetch, Wanted, fetches
from kyanite.engine.storage.base import Data, Storage

# Spans (1 GiB each) planned at once: some ten thousand chunks.
_SPANS_AT_ONCE: Final = 16


class Target(Protocol):
    """Where a disk is restored to. Fresh: what is not written reads as zeros. Thread-safe."""

    def write(self, offset: int, data: Data) -> None:
        """Write all of ``data``, which is not kept after the return."""
        ...


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """Byte counts of a restored disk."""

    read_bytes: int
    written_bytes: int


def restore_disk(
    storage: Storage,
    keys: RestoreKeys,
    point: Point,
    disk_id: str,
    target: Target,
    control: Control | None = None,
    already: RangeList | None = None,
    parallelism: Parallelism | None = None,
    holes: Callable[[int, int], None] | None = None,
    index: Index | None = None,
) -> RestoreResult:
    """Restore one disk of a point.

    ``index``: the repository's, for callers that restore several disks and load it once.
    ``already``: ranges that are right in the target and are left alone. ``holes`` is told
    offset and length of every run of zeros, for targets that are not fresh.
    Raises ``Missing``, ``Damaged``, ``WrongKey``, and what storage, target and control raise.
    """
    disk = point.disk(disk_id)
    if disk is None:
        raise NotFound(f"The point has no disk {disk_id}.")
    restoring = _Restore(
        storage,
        keys,
        target,
        control or NoControl(),
        already or RangeList.empty(),
        parallelism or Parallelism.local(),
        index,
    )
    return restoring.run(disk, holes)


def data_bytes(
    storage: Storage, keys: RestoreKeys, index: Index, point: Point, disk_id: str
) -> int:
    """How many bytes of a disk are not zero: what restoring it will write.

    Reads its pages, one for each GiB. Raises ``NotFound``, ``Missing``, ``Damaged``.
    """
    disk = point.disk(disk_id)
    if disk is None:
        raise NotFound(f"The point has no disk {disk_id}.")
    reader = PageReader(
        storage, index.find_all, keys.maintenance_key, keys.repository_id, keys.id_key
    )
    return sum(
        entry.length
        for _, entries in reader.spans(disk)
        for entry in entries
        if entry.chunk_id is not None
    )


class _Restore:
    def __init__(
        self,
        storage: Storage,
        keys: RestoreKeys,
        target: Target,
        control: Control,
        already: RangeList,
        parallelism: Parallelism,
        index: Index | None,
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._target = target
        self._control = control
        self._already = already
        self._parallelism = parallelism
        self._index = self._load_index() if index is None else index
        self._lock = threading.Lock()
        self._read_bytes = 0
        self._written_bytes = 0

    def run(self, disk: PointDisk, holes: Callable[[int, int], None] | None) -> RestoreResult:
        reader = PageReader(
            self._storage,
            self._index.find_all,
            self._keys.maintenance_key,
            self._keys.repository_id,
            self._keys.id_key,
        )

        def tasks() -> Generator[Task, None, None]:
            spans = reader.spans(disk)
            done = 0
            while stretch := list(islice(spans, _SPANS_AT_ONCE)):
                if holes is not None:
                    for offset, length in _zero_runs(stretch, done):
                        holes(offset, length)
                    done = stretch[-1][0].offset + stretch[-1][0].length
                for fetch in fetches(self._wanted(stretch), self._parallelism.fetch_bytes):
                    yield partial(self._fetch, fetch)
            if holes is not None and done < disk.size_bytes:
                holes(done, disk.size_bytes - done)

        run_tasks(tasks(), self._parallelism.fetches, 0)
        return RestoreResult(self._read_bytes, self._written_bytes)

    def _load_index(self) -> Index:
        return load_index(self._storage, self._keys.maintenance_key, self._keys.repository_id)

    def _wanted(self, stretch: Sequence[tuple[Span, list[Entry]]]) -> Iterator[Wanted]:
        places: list[tuple[bytes, int, PackNumber | None, int]] = []
        for span, entries in stretch:
            at = span.offset
            for entry in entries:
                if entry.chunk_id is not None and not self._already.covers(at, entry.length):
                    places.append((entry.chunk_id, entry.length, entry.pack, at))
                at += entry.length
        found = self._index.find_all_many([chunk_id for chunk_id, _, _, _ in places])
        for (chunk_id, length, pack, at), locations in zip(places, found, strict=True):
            copies = named_first(locations, pack)
            if not copies:
                raise Missing(_no_chunk(chunk_id, at))
            yield Wanted(chunk_id, length, copies[0], [at])

    def _fetch(self, fetch: Fetch, _: memoryview) -> None:
        self._control.check()
        try:
            data = self._storage.get_range(fetch.pack.name, fetch.offset, fetch.length)
        except ObjectMissing:
            self._fetch_elsewhere(fetch)
            return
        if len(data) != fetch.length:
            raise Damaged(f"{fetch.pack.name} is shorter than its table says.")
        self._open_and_write(fetch, memoryview(data))

    def _fetch_elsewhere(self, fetch: Fetch) -> None:
        """The pack is gone: cleaning may have moved its chunks. Look once into a fresh index."""
        index = self._load_index().excluding([fetch.pack.number])
        for one in fetch.wanted:
            location = index.find(one.chunk_id)
            if location is None:
                raise Missing(_no_chunk(one.chunk_id, one.places[0]))
            moved = Wanted(one.chunk_id, one.length, location, one.places)
            again = Fetch(location.pack, (moved,))
            try:
                data = self._storage.get_range(location.pack.name, again.offset, again.length)
            except ObjectMissing:
                raise Missing(_no_chunk(one.chunk_id, one.places[0])) from None
            self._open_and_write(again, memoryview(data))

    def _open_and_write(self, fetch: Fetch, data: memoryview) -> None:
        key = self._keys.pack_keys.get(fetch.pack.pack_id)
        if key is None:
            raise WrongKey(f"These keys do not open {fetch.pack.name}.")
        cipher = AESGCM(key)
        joined = self._parallelism.write_bytes
        later: list[tuple[int, Data]] = []
        written = 0
        for one in fetch.wanted:
            at = one.location.offset - fetch.offset
            stored = data[at : at + one.location.stored_length]
            plain = open_chunk(cipher, self._keys, one, stored)
            for place in one.places:
                written += len(plain)
                if joined:
                    later.append((place, plain))
                else:
                    self._target.write(place, plain)
        for place, plain in join_neighbours(later, joined):
            self._target.write(place, plain)
        with self._lock:
            self._read_bytes += len(data)
            self._written_bytes += written
        self._control.advance(read=len(data), processed=written, stored=written)


def open_chunk(cipher: AESGCM, keys: RestoreKeys, wanted: Wanted, stored: Data) -> Data:
    """The bytes of a chunk; raises ``Damaged`` unless tag, length and keyed hash are right."""
    location, chunk_id = wanted.location, wanted.chunk_id
    pack = location.pack
    if location.entry_type != EntryType.CHUNK:
        raise Damaged(f"{pack.name}: the entry at {location.offset} should be a chunk.")
    plain = open_entry(cipher, keys.repository_id, pack, chunk_id, location, stored, wanted.length)
    if blake3(plain, key=keys.id_key).digest() != chunk_id:
        raise Damaged(
            f"{pack.name}: the entry at {location.offset} holds other bytes than its "
            f"id {chunk_id.hex()[:16]} says."
        )
    return plain


def join_neighbours(writes: list[tuple[int, Data]], most_bytes: int) -> Iterator[tuple[int, Data]]:
    """The same writes in the order of places, neighbours joined up to ``most_bytes``."""
    parts: list[Data] = []
    start = length = 0
    for place, data in sorted(writes, key=lambda write: write[0]):
        if parts and (place != start + length or length + len(data) > most_bytes):
            yield start, b"".join(parts)
            parts = []
        if not parts:
            start, length = place, 0
        parts.append(data)
        length += len(data)
    if parts:
        yield start, parts[0] if len(parts) == 1 else b"".join(parts)


def _zero_runs(
    stretch: Sequence[tuple[Span, list[Entry]]], start: int
) -> Iterator[tuple[int, int]]:
    """Runs of zeros from ``start`` to the end of the stretch; spans without a page are zeros."""
    for span, entries in stretch:
        if span.offset > start:
            yield start, span.offset - start
        at = span.offset
        for entry in entries:
            if entry.chunk_id is None:
                yield at, entry.length
            at += entry.length
        start = at


def _no_chunk(chunk_id: bytes, place: int) -> str:
    return (
        f"The chunk {chunk_id.hex()[:16]} for offset {place} is in no pack that can be read; "
        "run verify to see what else is hurt."
    )
