"""Runs in the list of a disk: of zeros, of data, and parts of it. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kyanite.engine.pages import Entry
from kyanite.engine.ranges import ByteRange


def in_parts(
    offset: int, entries: Sequence[Entry], most: int
) -> Iterator[tuple[int, Sequence[Entry]]]:
    """Entries that begin at ``offset``, at most ``most`` at a time, with where they begin."""
    for first in range(0, len(entries), most):
        part = entries[first : first + most]
        yield offset, part
        offset += sum(entry.length for entry in part)


def zero_runs(offset: int, entries: Iterable[Entry], within: ByteRange) -> Iterator[ByteRange]:
    """Runs of zeros; the entries begin at ``offset``, and before them all is zero."""
    if offset > within.offset:
        yield ByteRange(within.offset, min(offset, within.end) - within.offset)
    yield from _runs(offset, entries, within, of_data=False)


def data_runs(offset: int, entries: Iterable[Entry], within: ByteRange) -> Iterator[ByteRange]:
    """Runs of chunks; the entries begin at ``offset``."""
    return _runs(offset, entries, within, of_data=True)


def _runs(
    offset: int, entries: Iterable[Entry], within: ByteRange, of_data: bool
) -> Iterator[ByteRange]:
    start = offset
    for entry in entries:
        if (entry.chunk_id is not None) != of_data:
            yield from _cut(start, offset, within)
            start = offset + entry.length
        offset += entry.length
    yield from _cut(start, offset, within)


def _cut(start: int, end: int, within: ByteRange) -> Iterator[ByteRange]:
    low, high = max(start, within.offset), min(end, within.end)
    if low < high:
        yield ByteRange(low, high - low)
