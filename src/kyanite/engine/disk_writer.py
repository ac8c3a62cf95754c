"""Writes one disk: its touched spans, and the pages over them.

When the last piece of a span is done, its leaf page is written at once, so that memory
follows the number of threads, not the size of the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from kyanite.base.errors import Missing
from kyanite.engine.chain import Chain
from kyanite.engine.chunk_store import ChunkStore, SpanKey
from kyanite.engine.crew import Task
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.disk_plan import Piece, ReadPlan, Region, patched, pieces, resized
from kyanite.engine.format import MAX_CHUNK_BYTES, NO_ID
from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import Entry, encode_inner, encode_leaf
from kyanite.engine.point import PointDisk
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.threads import read_ahead


@dataclass(slots=True)
class _SpanWork:
    """A span being written; ``done`` has the entries by region and piece."""

    number: int
    offset: int
    parent: list[Entry]
    regions: list[Region]
    pending: int = 0
    done: dict[tuple[int, int], list[Entry]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class DiskWriter:
    """One disk of a backup. ``place`` is its position in the point."""

    def __init__(
        self,
        place: int,
        disk: DiskInput,
        parent: PointDisk | None,
        settings: RepositorySettings,
        grid_bytes: int,
        reader: PageReader,
    ) -> None:
        """``parent`` is the same disk in the parent point. Raises ``Missing`` where it must be."""
        if disk.changes is None:
            parent = None
        elif parent is None:
            raise Missing(
                f"Disk {disk.name} has a list of changes, but the parent point does not have "
                "this disk; back it up in full."
            )
        self.kind = "Full" if parent is None else "Incremental"
        self._place = place
        self._disk = disk
        self._parent = parent
        self._reader = reader
        self._span_bytes = parent.page_span_bytes if parent else settings.page_span_bytes
        self._inner_fanout = parent.inner_fanout if parent else settings.inner_fanout
        self._plan = ReadPlan(
            disk.size_bytes, _touched(disk, parent), grid_bytes, only=parent is None
        )
        count = -(-disk.size_bytes // self._span_bytes)
        self._old_leaves = reader.leaf_ids(parent) if parent else []
        self._leaves = [*self._old_leaves[:count]]
        self._leaves += [NO_ID] * (count - len(self._leaves))

    def touched(self) -> list[int]:
        """Numbers of the spans that must be written."""
        return list(self._plan.touched_spans(self._span_bytes))

    def tasks(self, spans: Iterable[int], chain: Chain) -> Iterator[Task]:
        """What has to be done to write these spans; any thread may run any task."""
        if self._parent is None:
            works: Iterator[_SpanWork] = map(self._prepare, spans)
        else:
            works = read_ahead(self._prepare, spans)
        for work in works:
            todo = [
                (number, piece)
                for number, region in enumerate(work.regions)
                for piece in pieces(region, chain.piece_bytes)
            ]
            work.pending = len(todo)
            for number, piece in todo:
                yield partial(self._run_piece, work, number, piece, chain)

    def finish(self, store: ChunkStore) -> PointDisk:
        """Write the inner pages; the disk as the point names it."""
        inner: list[bytes] = []
        for at in range(0, len(self._leaves), self._inner_fanout):
            page = encode_inner(self._leaves[at : at + self._inner_fanout])
            key = (self._place, -1 - at)
            inner.append(NO_ID if page is None else store.add_page(page, key))
        return PointDisk(
            self._disk.disk_id,
            self._disk.name,
            self._disk.size_bytes,
            self._span_bytes,
            self._inner_fanout,
            tuple(inner),
        )

    def _prepare(self, number: int) -> _SpanWork:
        offset = number * self._span_bytes
        length = min(self._span_bytes, self._disk.size_bytes - offset)
        entries: list[Entry] = []
        if self._parent is not None and number < len(self._old_leaves):
            entries = self._reader.leaf(self._old_leaves[number], self._parent.span_length(number))
        entries = resized(entries, length)
        return _SpanWork(number, offset, entries, self._plan.regions(offset, length, entries))

    def _run_piece(
        self, work: _SpanWork, region: int, piece: Piece, chain: Chain, buffer: memoryview
    ) -> None:
        key: SpanKey = (self._place, work.number)
        entries = chain.run(self._disk.source, self._plan, key, piece, buffer)
        with work.lock:
            work.done[region, piece.number] = entries
            work.pending -= 1
            last = work.pending == 0
        if last:
            self._finish_span(work, chain.store, key)

    def _finish_span(self, work: _SpanWork, store: ChunkStore, key: SpanKey) -> None:
        cut: list[list[Entry]] = [[] for _ in work.regions]
        for region, piece in sorted(work.done):
            cut[region] += work.done[region, piece]
        replaced = list(zip(work.regions, cut, strict=True))
        page = encode_leaf(patched(work.parent, work.offset, replaced))
        self._leaves[work.number] = NO_ID if page is None else store.add_page(page, key)


def _touched(disk: DiskInput, parent: PointDisk | None) -> RangeList:
    """What to look at: of a full disk what is allocated, else what changed or was resized."""
    if disk.changes is None or parent is None:
        return RangeList.whole(disk.size_bytes) if disk.allocated is None else disk.allocated
    before, now = parent.size_bytes, disk.size_bytes
    if before < now and not disk.changes.covers(before, now - before):
        return disk.changes.union(RangeList([ByteRange(before, now - before)]))
    if before > now:  # the chunk at the new end is cut
        low = max(0, now - MAX_CHUNK_BYTES)
        return disk.changes.union(RangeList([ByteRange(low, now - low)]))
    return disk.changes
