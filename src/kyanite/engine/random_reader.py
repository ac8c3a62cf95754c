"""Reads any range of a disk of a point: for file restore, block devices, copies and repairs.

Who reads on where a read ended gets the next chunks fetched meanwhile. Memory: the cache,
what is read ahead, and a few pages.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from kyanite.base.errors import EngineError, Invalid, Missing
from kyanite.base.units import KIB, MIB
from kyanite.engine.chunk_cache import ChunkCache
from kyanite.engine.chunk_reader import ChunkReader, no_chunk
from kyanite.engine.copies import Copies
from kyanite.engine.page_reader import PageReader, named_first
from kyanite.engine.pages import Entry, PageRef
from kyanite.engine.point import PointDisk
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.read_keys import ReadKeys
from kyanite.engine.restore_plan import Fetch, Wanted, fetches
from kyanite.engine.storage.base import Data, Storage

_SPANS_HELD: Final = 8
_ENDS_HELD: Final = 32  # reads that somebody may go on behind; several threads read one disk
_NEAR_BYTES: Final = 256 * KIB


@dataclass(frozen=True, slots=True)
class ReadAhead:
    """How much a reader holds and fetches at once.

    cache_bytes   chunks kept after they were read
    ahead_bytes   so much behind a read that goes on where another ended
    fetch_bytes   about so much per read from a pack
    threads       reads from packs at the same time
    """

    cache_bytes: int = 64 * MIB
    ahead_bytes: int = 16 * MIB
    fetch_bytes: int = 4 * MIB
    threads: int = 4


@dataclass(frozen=True, slots=True)
class _Span:
    """The entries of a span, and where on the disk each begins."""

    starts: Sequence[int]
    entries: Sequence[Entry]


class RandomReader:
    """One disk of a point. Thread-safe. Use as a context: leaving it ends its threads."""

    def __init__(
        self,
        storage: Storage,
        keys: ReadKeys,
        copies: Copies,
        disk: PointDisk,
        limits: ReadAhead | None = None,
    ) -> None:
        self.size_bytes = disk.size_bytes
        self._limits = limits or ReadAhead()
        self._disk = disk
        self._copies = copies
        self._chunks = ChunkReader(storage, keys, copies)
        self._pages = PageReader(
            storage,
            copies.find_all,
            keys.maintenance_key,
            keys.repository_id,
            keys.id_key,
            copies.find_again,
        )
        self._cache = ChunkCache(self._limits.cache_bytes)
        self._pool = ThreadPoolExecutor(self._limits.threads, "kyanite-random")
        self._leaves: list[PageRef] | None = None
        self._spans: OrderedDict[int, _Span] = OrderedDict()
        self._ends: OrderedDict[int, int] = OrderedDict()  # end of a read → sent for until
        self._lock = threading.Lock()
        self._page_lock = threading.Lock()

    def __enter__(self) -> RandomReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads; what was only read ahead is dropped."""
        self._pool.shutdown(cancel_futures=True)

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only at the end of the disk.

        Raises ``Missing``, ``Damaged``, ``WrongKey``, and what the storage raises.
        """
        buffer = bytearray(max(0, min(length, self.size_bytes - offset)))
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer``; the range must be on the disk."""
        end = offset + len(buffer)
        if offset < 0 or end > self.size_bytes:
            raise Invalid(f"The range at {offset} reaches behind the end of the disk.")
        needed = list(self._entries(offset, end))
        coming = self._fetch(needed)
        self._read_ahead(offset, end)
        for at, entry in needed:
            low, high = max(at, offset), min(at + entry.length, end)
            part = buffer[low - offset : high - offset]
            if entry.chunk_id is None:
                part[:] = bytes(len(part))
            else:
                data = coming[entry.chunk_id].result()
                part[:] = memoryview(data)[low - at : high - at]

    def data_ranges(self) -> RangeList:
        """What is not zeros. Reads every page of the disk."""
        return RangeList(
            ByteRange(at, entry.length)
            for at, entry in self._entries(0, self.size_bytes)
            if entry.chunk_id is not None
        )

    def _read_ahead(self, offset: int, end: int) -> None:
        """If another read ended where this one begins, or close before, send for more.

        Not a chunk at a time: when half of what was sent for is used up.
        """
        far = min(end + self._limits.ahead_bytes, self.size_bytes)
        with self._lock:
            before = next((one for one in self._ends if 0 <= offset - one <= _NEAR_BYTES), None)
            start = end if before is None else max(self._ends.pop(before), end)
            more = before is not None and start < far and start - end <= (far - end) // 2
            self._ends[end] = far if more else start
            if len(self._ends) > _ENDS_HELD:
                self._ends.popitem(last=False)
        if more:
            self._fetch(self._entries(start, far))

    def _entries(self, offset: int, end: int) -> Iterator[tuple[int, Entry]]:
        """What lies between two offsets, with the place of each entry on the disk."""
        span_bytes = self._disk.page_span_bytes
        while offset < end:
            number = offset // span_bytes
            span = self._span(number)
            first = bisect_right(span.starts, offset) - 1
            for place in range(first, len(span.starts)):
                if span.starts[place] >= end:
                    return
                yield span.starts[place], span.entries[place]
            offset = self._disk.span_offset(number) + self._disk.span_length(number)

    def _span(self, number: int) -> _Span:
        with self._page_lock:  # several readers want the same page; one reads it
            found = self._spans.get(number)
            if found is not None:
                self._spans.move_to_end(number)
                return found
            if self._leaves is None:
                self._leaves = self._pages.leaves(self._disk)
            entries = self._pages.leaf(self._leaves[number], self._disk.span_length(number))
            starts: list[int] = []
            at = self._disk.span_offset(number)
            for entry in entries:
                starts.append(at)
                at += entry.length
            span = self._spans[number] = _Span(starts, entries)
            if len(self._spans) > _SPANS_HELD:
                self._spans.popitem(last=False)
            return span

    def _fetch(
        self, entries: Sequence[tuple[int, Entry]] | Iterator[tuple[int, Entry]]
    ) -> dict[bytes, Future[Data]]:
        """The chunks of entries, now or later; what nobody has fetched is sent for."""
        coming: dict[bytes, Future[Data]] = {}
        mine: list[tuple[int, Entry, bytes]] = []
        for at, entry in entries:
            if entry.chunk_id is None or entry.chunk_id in coming:
                continue
            future, is_mine = self._cache.take(entry.chunk_id)
            coming[entry.chunk_id] = future
            if is_mine:
                mine.append((at, entry, entry.chunk_id))
        if mine:
            try:
                for fetch in fetches(self._wanted(mine), self._limits.fetch_bytes):
                    self._pool.submit(self._load, fetch)
            except BaseException as error:
                for _, _, chunk_id in mine:
                    self._cache.fail(chunk_id, error)
                raise
        return coming

    def _wanted(self, entries: Sequence[tuple[int, Entry, bytes]]) -> Iterator[Wanted]:
        found = self._copies.find_all_many([chunk_id for _, _, chunk_id in entries])
        for (at, entry, chunk_id), locations in zip(entries, found, strict=True):
            copies = named_first(locations or self._copies.find_again(chunk_id), entry.pack)
            if copies:
                yield Wanted(chunk_id, entry.length, copies[0], [at])
            else:
                self._cache.fail(chunk_id, Missing(no_chunk(chunk_id, at)))

    def _load(self, fetch: Fetch) -> None:
        left = {one.chunk_id for one in fetch.wanted}
        try:
            for one, plain in self._chunks.read(fetch):
                left.discard(one.chunk_id)
                if isinstance(plain, EngineError):
                    self._cache.fail(one.chunk_id, plain)
                else:
                    self._cache.give(one.chunk_id, plain)
        except BaseException as error:  # carried to those who wait for these chunks
            for chunk_id in left:
                self._cache.fail(chunk_id, error)
