"""Writes one disk: its touched spans, and the pages over them.

When the last piece of a span is done, its leaf page is written at once, so that memory
follows the number of threads, not the size of the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from kyanite.base.errors import Missing
from kyanite.engine.chain import Chain, CutPiece, Work
from kyanite.engine.chunk_store import ChunkStore, SpanKey
from kyanite.engine.crew import Task
from kyanite.engine.cutting import CutRule
from kyanite.engine.disk_input import DiskInput, ForeseeingSource
from kyanite.engine.disk_plan import Piece, ReadPlan, Region, patched, pieces, resized
from kyanite.engine.format import MAX_CHUNK_BYTES
from kyanite.engine.pack import PackNumber
from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import (
    NO_PAGE,
    Entry,
    PageRef,
    add_needs,
    drop_needs,
    encode_inner,
    encode_leaf,
    needs_of,
)
from kyanite.engine.point import PAGE_NEED, PointDisk
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.span_list import SpanList
from kyanite.engine.threads import read_ahead


@dataclass(slots=True)
class _SpanWork:
    """A span being written; ``done`` has what became of each piece, by its place."""

    number: int
    before: SpanList
    pieces: list[Piece]
    pending: int = 0
    done: dict[int, CutPiece] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class DiskWriter:
    """One disk of a backup. ``place`` is its position in the point."""

    def __init__(
        self,
        place: int,
        disk: DiskInput,
        parent: PointDisk | None,
        settings: RepositorySettings,
        rule: CutRule,
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
        self._rule = rule
        self._plan = ReadPlan(disk.size_bytes, _touched(disk, parent), rule, only=parent is None)
        count = -(-disk.size_bytes // self._span_bytes)
        self._old_leaves = reader.leaves(parent) if parent else []
        self._leaves = [*self._old_leaves[:count]]
        self._leaves += [NO_PAGE] * (count - len(self._leaves))
        self._old_needs: dict[int, dict[PackNumber, int]] = {}
        self._new_needs: dict[int, dict[PackNumber, int]] = {}

    def touched(self) -> list[int]:
        """Numbers of the spans that must be written."""
        return list(self._plan.touched_spans(self._span_bytes))

    def tasks(self, spans: Iterable[int], chain: Chain) -> Iterator[Task]:
        """What has to be done to write these spans; any thread may run any task."""
        prepare = partial(self._prepare, piece_bytes=chain.piece_bytes)
        if self._parent is None:
            works: Iterator[_SpanWork] = map(prepare, spans)
        else:
            works = read_ahead(prepare, spans)
        for work in works:
            for place in range(len(work.pieces)):
                yield partial(self._run_piece, work, place, chain)

    def finish(self, store: ChunkStore) -> PointDisk:
        """Write the inner pages; the disk as the point names it."""
        inner: list[PageRef] = []
        for at in range(0, len(self._leaves), self._inner_fanout):
            page = encode_inner(self._leaves[at : at + self._inner_fanout])
            key = (self._place, -1 - at)
            inner.append(NO_PAGE if page is None else store.add_page(page, key))
        return PointDisk(
            self._disk.disk_id,
            self._disk.name,
            self._disk.size_bytes,
            self._span_bytes,
            self._inner_fanout,
            tuple(inner),
            self._needs(inner),
        )

    def _needs(self, inner: Sequence[PageRef]) -> dict[PackNumber, int]:
        """The parent's needs, without those of pages that are not its pages any more.

        Exact, and reads none of the pages that stay (docs/format/order.md, "Pack sets").
        """
        needs = dict(self._parent.needs) if self._parent else {}
        for number in range(len(self._leaves), len(self._old_leaves)):
            if number not in self._old_needs:  # the disk has shrunk
                self._read_old(number)
        for number, old in self._old_needs.items():
            drop_needs(needs, old)
            drop_needs(needs, _page_need(self._old_leaves[number]))
        for number, new in self._new_needs.items():
            add_needs(needs, new)
            add_needs(needs, _page_need(self._leaves[number]))
        for page in self._parent.inner if self._parent else ():
            drop_needs(needs, _page_need(page))
        for page in inner:
            add_needs(needs, _page_need(page))
        return needs

    def _read_old(self, number: int) -> list[Entry]:
        """What the parent has in a span, noting that it does not count any more."""
        if self._parent is None or number >= len(self._old_leaves):
            return []
        leaf = self._old_leaves[number]
        entries = self._reader.leaf(leaf, self._parent.span_length(number))
        self._old_needs[number] = needs_of(entries)
        return entries

    def _prepare(self, number: int, piece_bytes: int) -> _SpanWork:
        offset = number * self._span_bytes
        length = min(self._span_bytes, self._disk.size_bytes - offset)
        before = SpanList(offset, resized(self._read_old(number), length))
        regions = self._plan.regions(before)
        if self._parent is not None and isinstance(self._disk.source, ForeseeingSource):
            # Half of what is read stands around what has changed: only now it is known where.
            self._disk.source.expect(RangeList(ByteRange(r.offset, r.length) for r in regions))
        todo = list(pieces(regions, piece_bytes, self._rule))
        return _SpanWork(number, before, todo, len(todo))

    def _run_piece(self, work: _SpanWork, place: int, chain: Chain, buffer: memoryview) -> None:
        key: SpanKey = (self._place, work.number)
        task = Work(self._disk.source, self._plan, work.before, key)
        result = chain.run(task, work.pieces[place], buffer)
        with work.lock:
            work.done[place] = result
            work.pending -= 1
            last = work.pending == 0
        if last:
            self._finish_span(work, chain.store, key)

    def _finish_span(self, work: _SpanWork, store: ChunkStore, key: SpanKey) -> None:
        replaced: list[tuple[Region, list[Entry]]] = []
        for place, piece in enumerate(work.pieces):
            done = work.done[place]
            if replaced and piece.offset == replaced[-1][0].end:  # same region, or grown together
                region, entries = replaced.pop()
            else:
                region, entries = Region(piece.offset, 0), []
            grown = Region(region.offset, done.end - region.offset)
            replaced.append((grown, entries + done.entries))
        entries = patched(work.before.entries, work.before.start, replaced)
        page = encode_leaf(entries)
        self._leaves[work.number] = NO_PAGE if page is None else store.add_page(page, key)
        self._new_needs[work.number] = needs_of(entries)


def _page_need(page: PageRef) -> dict[PackNumber, int]:
    return {} if page.pack is None else {page.pack: PAGE_NEED}


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
