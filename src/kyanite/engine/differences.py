"""What differs between two points, from their lists alone: no data is read.

Chunks of one id are equal. Ranges that are cut in another way are reported as different,
which they need not be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import NO_PAGE, Entry
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class DiskDifference:
    """A disk that is in one of two points or in both.

    ``ranges``: in order, of the longer disk; ``zero`` where the newer disk has zeros (or
    has ended). ``before_bytes`` and ``after_bytes``: sizes; ``None`` where it does not exist.
    """

    disk_id: str
    name: str
    before_bytes: int | None
    after_bytes: int | None
    ranges: tuple[ByteRange, ...]

    @property
    def different_bytes(self) -> int:
        return sum(one.length for one in self.ranges)


def differences(before: Point, after: Point, reader: PageReader) -> list[DiskDifference]:
    """Disk by disk. Raises ``Missing``, ``Damaged``."""
    found: list[DiskDifference] = []
    for disk in after.disks:
        old = before.disk(disk.disk_id)
        ranges = tuple(disk_differences(old, disk, reader))
        size = None if old is None else old.size_bytes
        found.append(DiskDifference(disk.disk_id, disk.name, size, disk.size_bytes, ranges))
    for old in before.disks:
        if after.disk(old.disk_id) is None:
            ranges = tuple(disk_differences(old, None, reader))
            found.append(DiskDifference(old.disk_id, old.name, old.size_bytes, None, ranges))
    return found


def disk_differences(
    before: PointDisk | None, after: PointDisk | None, reader: PageReader
) -> Iterator[ByteRange]:
    """The ranges in which two disks differ, neighbours joined."""
    if before is not None and after is not None and before.page_span_bytes == after.page_span_bytes:
        pairs: Iterable[tuple[Sequence[Entry], Sequence[Entry]]] = _spans(before, after, reader)
    else:
        pairs = [(list(_entries(before, reader)), list(_entries(after, reader)))]
    return _joined(_compare(pairs))


def _spans(
    before: PointDisk, after: PointDisk, reader: PageReader
) -> Iterator[tuple[Sequence[Entry], Sequence[Entry]]]:
    """The lists of both, span by span; pages that both have are not read."""
    old, new = reader.leaves(before), reader.leaves(after)
    for number in range(max(len(old), len(new))):
        a = old[number] if number < len(old) else NO_PAGE
        b = new[number] if number < len(new) else NO_PAGE
        a_bytes = before.span_length(number) if number < len(old) else 0
        b_bytes = after.span_length(number) if number < len(new) else 0
        if a.page_id == b.page_id and a_bytes == b_bytes:
            same = [Entry(a_bytes, None)]
            yield same, same
        else:
            yield (
                reader.leaf(a, a_bytes) if a_bytes else [],
                reader.leaf(b, b_bytes) if b_bytes else [],
            )


def _entries(disk: PointDisk | None, reader: PageReader) -> Iterator[Entry]:
    if disk is None:
        return iter(())
    return chain.from_iterable(
        reader.leaf(leaf, disk.span_length(number))
        for number, leaf in enumerate(reader.leaves(disk))
    )


def _compare(
    pairs: Iterable[tuple[Sequence[Entry], Sequence[Entry]]],
) -> Iterator[ByteRange]:
    start = 0
    for before, after in pairs:
        lengths = [sum(entry.length for entry in entries) for entries in (before, after)]
        yield from _compare_lists(before, after, start)
        start += max(lengths)


def _compare_lists(
    before: Sequence[Entry], after: Sequence[Entry], start: int
) -> Iterator[ByteRange]:
    """Two lists from one offset on, piece by piece between the borders of both."""
    a, b = _Cursor(before), _Cursor(after)
    at = start
    while a.entry is not None or b.entry is not None:
        length = min(one.left for one in (a, b) if one.entry is not None)
        if not _same(a, b):
            zero = b.entry is None or b.entry.chunk_id is None
            yield ByteRange(at, length, zero)
        a.advance(length)
        b.advance(length)
        at += length


def _same(a: _Cursor, b: _Cursor) -> bool:
    if a.entry is None or b.entry is None:
        return False
    if a.entry.chunk_id is None or b.entry.chunk_id is None:
        return a.entry.chunk_id is b.entry.chunk_id
    return a.entry.chunk_id == b.entry.chunk_id and a.left == b.left


class _Cursor:
    """Where one stands in a list of entries, and how much of the entry is left."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._rest = iter(entries)
        self.entry: Entry | None = None
        self.left = 0
        self._next()

    def advance(self, length: int) -> None:
        if self.entry is not None:
            self.left -= length
            if not self.left:
                self._next()

    def _next(self) -> None:
        self.entry = next(self._rest, None)
        self.left = self.entry.length if self.entry is not None else 0


def _joined(ranges: Iterable[ByteRange]) -> Iterator[ByteRange]:
    last: ByteRange | None = None
    for one in ranges:
        if last is not None and last.end == one.offset and last.zero == one.zero:
            last = ByteRange(last.offset, last.length + one.length, last.zero)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last
