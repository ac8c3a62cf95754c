"""What of a disk has to be read, and in which pieces. Pure decisions, no I/O."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.cutting import CutRule
from kyanite.engine.pages import Entry, tidy
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.span_list import SpanList
from kyanite.engine.strand import Strand

# Two reads cost more than reading so many zeros between them.
_JOINED_GAP_BYTES: Final = 64 * KIB

# Cuts meet old ones within one or two chunks; regions further apart never reach each other
# (and where they would, the first one ends at the second).
_NEAR_CHUNKS: Final = 2


@dataclass(frozen=True, slots=True)
class Region:
    """A run of one span that is cut anew: ``length`` bytes from ``offset`` of the disk."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a region that one thread reads at once.

    turn   its place in the strand
    final  it is the last of its region, which grows until its cuts meet the old ones,
           but never beyond ``until``: there the next region begins
    near   the next region is of the same strand
    """

    region: int
    offset: int
    length: int
    strand: Strand
    turn: int
    final: bool
    until: int | None
    near: bool


class ReadPlan:
    """Which bytes of a disk to look at (``touched``), and which of them are known zeros."""

    def __init__(self, size_bytes: int, touched: RangeList, rule: CutRule, only: bool) -> None:
        """``only``: bytes outside ``touched`` are zeros (a full backup).

        Otherwise they are as they were in the parent, and are read where a chunk takes
        them in.
        """
        self._size_bytes = size_bytes
        self._touched = list(touched.clip(size_bytes))
        self._starts = [r.offset for r in self._touched]
        self._rule = rule
        self._only = only

    def touched_spans(self, span_bytes: int) -> Iterator[int]:
        """Numbers of the spans in which anything has to be done, ascending."""
        last = -1
        for item in self._touched:
            if self._only and item.zero:
                continue
            for number in range(
                max(last + 1, item.offset // span_bytes), (item.end - 1) // span_bytes + 1
            ):
                yield number
                last = number

    def regions(self, before: SpanList) -> list[Region]:
        """What to cut anew in a span, widened to whole blocks and to chunks of ``before``."""
        start, end = before.start, before.end
        step = self._rule.block_bytes
        gap = self._rule.zero_bytes if self._rule.looks_back else 0
        wanted: list[Region] = []
        for item in self._overlapping(start, end):
            if self._only and item.zero:
                continue
            low = max(start, item.offset // step * step)
            high = min(end, -(-item.end // step) * step)
            _append(wanted, low, high, gap)
        widened: list[Region] = []
        for region in wanted:
            _append(widened, *_whole_chunks(region, before, gap), 0)
        return widened

    def to_read(self, offset: int, length: int) -> list[ByteRange]:
        """The parts of a piece that may hold data, near ones joined."""
        end = offset + length
        if self._only:
            parts = [
                ByteRange(max(offset, r.offset), min(end, r.end) - max(offset, r.offset))
                for r in self._overlapping(offset, end)
                if not r.zero
            ]
        else:
            parts = []
            at = offset
            for r in self._overlapping(offset, end):
                if r.zero:
                    if r.offset > at:
                        parts.append(ByteRange(at, r.offset - at))
                    at = max(at, min(end, r.end))
            if at < end:
                parts.append(ByteRange(at, end - at))
        joined: list[ByteRange] = []
        for part in parts:
            if joined and part.offset - joined[-1].end <= _JOINED_GAP_BYTES:
                first = joined.pop()
                part = ByteRange(first.offset, part.end - first.offset)
            joined.append(part)
        return joined

    def _overlapping(self, start: int, end: int) -> Iterator[ByteRange]:
        index = max(0, bisect_right(self._starts, start) - 1)
        while index < len(self._touched) and self._touched[index].offset < end:
            if self._touched[index].end > start:
                yield self._touched[index]
            index += 1


def pieces(regions: Sequence[Region], piece_bytes: int, rule: CutRule) -> Iterator[Piece]:
    """Regions in pieces of at most ``piece_bytes``; near regions share a strand."""
    strand, turn = Strand(), 0
    for number, region in enumerate(regions):
        follower = regions[number + 1].offset if number + 1 < len(regions) else None
        near = follower is not None and follower - region.end <= _NEAR_CHUNKS * rule.carried_bytes
        for at in range(region.offset, region.end, piece_bytes):
            length = min(piece_bytes, region.end - at)
            final = at + length == region.end
            yield Piece(number, at, length, strand, turn, final, follower, near)
            turn += 1
        if not near:
            strand, turn = Strand(), 0


def patched(
    parent: Sequence[Entry], start: int, replaced: Sequence[tuple[Region, Sequence[Entry]]]
) -> list[Entry]:
    """The list of a span that begins at ``start``: the parent's, with regions replaced.

    The regions are in order and begin and end at borders of the parent's chunks; zeros of
    the parent may be split anywhere.
    """
    rest = list(parent)[::-1]
    at = start
    result: list[Entry] = []
    for region, entries in replaced:
        kept, at = _take(rest, at, region.offset)
        result.extend(kept)
        result.extend(entries)
        _, at = _take(rest, at, region.end)
    return tidy([*result, *reversed(rest)])


def _take(rest: list[Entry], at: int, until: int) -> tuple[list[Entry], int]:
    """Take entries off the end of ``rest``, which stand from ``at`` on, up to ``until``."""
    taken: list[Entry] = []
    while at < until:
        entry = rest.pop()
        length = min(entry.length, until - at)
        if length < entry.length:
            assert entry.chunk_id is None, "a region cuts a chunk of the parent"
            rest.append(Entry(entry.length - length, None))
            entry = Entry(length, None)
        taken.append(entry)
        at += length
    return taken, at


def resized(parent: Sequence[Entry], length: int) -> list[Entry]:
    """The list of a span as if it had ``length``: cut off, or followed by zeros.

    A chunk that would be cut becomes zeros; the caller has to have it read again.
    """
    if sum(entry.length for entry in parent) == length:
        return list(parent)
    result: list[Entry] = []
    left = length
    for entry in parent:
        if entry.length <= left:
            result.append(entry)
        elif left:
            result.append(Entry(left, None))
        left -= min(left, entry.length)
    if left:
        result.append(Entry(left, None))
    return tidy(result)


def _append(regions: list[Region], low: int, high: int, gap: int) -> None:
    if regions and low - regions[-1].end <= gap:
        last = regions.pop()
        low, high = last.offset, max(high, last.end)
    regions.append(Region(low, high - low))


def _whole_chunks(region: Region, before: SpanList, gap: int) -> tuple[int, int]:
    """``region``, widened so that no chunk is cut, nor one whose end it may change.

    A chunk that ends where zeros begin does so because of the ``gap`` bytes behind it.
    """
    low, high = region.offset, region.end
    number = before.number_at(low)
    zeros = before.entries[number].chunk_id is None
    if not zeros or (number and low - before.border(number) < gap):
        low = before.border(number - 1 if zeros else number)
    entry, rest = before.entry_at(high - 1)
    if entry.chunk_id is not None or rest - 1 < gap:
        high += rest - 1
    return low, high
