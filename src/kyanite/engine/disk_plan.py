"""What of a disk has to be read, and in which pieces. Pure decisions, no I/O."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.pages import Entry, tidy
from kyanite.engine.ranges import ByteRange, RangeList

# Two reads cost more than reading so many zeros between them.
_JOINED_GAP_BYTES: Final = 64 * KIB


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
    """A part of a region that one thread reads at once; ``final``: the region's last."""

    number: int
    offset: int
    length: int
    final: bool


class ReadPlan:
    """Which bytes of a disk to look at (``touched``), and which of them are known zeros."""

    def __init__(self, size_bytes: int, touched: RangeList, grid_bytes: int, only: bool) -> None:
        """``only``: bytes outside ``touched`` are zeros (a full backup).

        Otherwise they are as they were in the parent, and are read where a chunk takes
        them in.
        """
        self._size_bytes = size_bytes
        self._touched = list(touched.clip(size_bytes))
        self._starts = [r.offset for r in self._touched]
        self._grid_bytes = grid_bytes
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

    def regions(self, start: int, length: int, parent: Sequence[Entry]) -> list[Region]:
        """What to cut anew in a span, widened to the grid and to whole chunks of the parent."""
        end = start + length
        wanted: list[Region] = []
        for item in self._overlapping(start, end):
            if self._only and item.zero:
                continue
            low = max(start, item.offset // self._grid_bytes * self._grid_bytes)
            high = min(end, -(-item.end // self._grid_bytes) * self._grid_bytes)
            if wanted and low <= wanted[-1].end:
                low = wanted.pop().offset
            wanted.append(Region(low, high - low))
        return _whole_chunks(wanted, start, parent)

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


def pieces(region: Region, piece_bytes: int) -> Iterator[Piece]:
    """A region in pieces of at most ``piece_bytes``."""
    for number, at in enumerate(range(region.offset, region.end, piece_bytes)):
        length = min(piece_bytes, region.end - at)
        yield Piece(number, at, length, at + length == region.end)


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
        taken.append(Entry(length, entry.chunk_id, entry.pack))
        at += length
    return taken, at


def resized(parent: Sequence[Entry], length: int) -> list[Entry]:
    """The list of a span as if it had ``length``: cut off, or followed by zeros.

    A chunk that would be cut becomes zeros; the caller has to have it read again.
    """
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


def _whole_chunks(wanted: list[Region], start: int, parent: Sequence[Entry]) -> list[Region]:
    """``wanted``, widened so that no chunk of ``parent`` is cut; neighbours joined."""
    borders: list[int] = []
    at = start
    for entry in parent:
        borders.append(at)
        at += entry.length
    widened: list[Region] = []
    for region in wanted:
        low, high = region.offset, region.end
        first = bisect_right(borders, low) - 1
        if parent[first].chunk_id is not None:
            low = borders[first]
        last = bisect_right(borders, high - 1) - 1
        if parent[last].chunk_id is not None:
            high = borders[last] + parent[last].length
        if widened and low <= widened[-1].end:
            low = widened.pop().offset
        widened.append(Region(low, high - low))
    return widened
