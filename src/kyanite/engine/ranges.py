"""Ranges of a disk: what changed, what is allocated, what is done already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject, JsonValue


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """``length`` bytes from ``offset``; ``zero``: known to read as zeros."""

    offset: int
    length: int
    zero: bool = False

    @property
    def end(self) -> int:
        """The first byte behind the range."""
        return self.offset + self.length


class RangeList:
    """Ranges in order, none empty, none overlapping, equal neighbours joined."""

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Iterable[ByteRange] = ()) -> None:
        """Put any ranges in order. Where they overlap, "not zero" wins: it is read then."""
        self._ranges: tuple[ByteRange, ...] = tuple(_normalised(ranges))

    @classmethod
    def empty(cls) -> RangeList:
        return cls()

    @classmethod
    def whole(cls, size_bytes: int) -> RangeList:
        """All of a disk."""
        return cls([ByteRange(0, size_bytes)])

    @classmethod
    def from_json(cls, document: JsonValue) -> tuple[int, RangeList]:
        """Size and ranges from ``{"size", "ranges": [{"offset", "length", "zero"}]}``."""
        if not isinstance(document, Mapping):
            raise Invalid("A range list is a JSON object with size and ranges.")
        size, items = document.get("size"), document.get("ranges")
        if not _is_size(size) or not isinstance(items, list | tuple):
            raise Invalid("A range list has a size in bytes and a list of ranges.")
        assert isinstance(size, int)
        ranges: list[ByteRange] = []
        for item in items:
            if not isinstance(item, Mapping):
                raise Invalid("A range is an object with offset and length.")
            offset, length, zero = item.get("offset"), item.get("length"), item.get("zero", False)
            if not _is_size(offset) or not _is_size(length) or not isinstance(zero, bool):
                raise Invalid("A range has offset, length (bytes) and zero (true or false).")
            assert isinstance(offset, int)
            assert isinstance(length, int)
            if offset + length > size:
                raise Invalid(f"The range at {offset} reaches behind the end of the disk ({size}).")
            ranges.append(ByteRange(offset, length, zero))
        return size, cls(ranges)

    def to_json(self, size_bytes: int) -> JsonObject:
        """What ``from_json`` reads."""
        return {
            "size": size_bytes,
            "ranges": [
                {"offset": r.offset, "length": r.length, "zero": r.zero} for r in self._ranges
            ],
        }

    def __iter__(self) -> Iterator[ByteRange]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RangeList) and self._ranges == other._ranges

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __repr__(self) -> str:
        return f"RangeList({len(self)} ranges, {self.data_bytes} bytes of data)"

    @property
    def data_bytes(self) -> int:
        """Bytes that are not known to be zero."""
        return sum(r.length for r in self._ranges if not r.zero)

    @property
    def covered_bytes(self) -> int:
        """Bytes in all ranges, zeros included."""
        return sum(r.length for r in self._ranges)

    def union(self, other: RangeList) -> RangeList:
        """What is in either; "not zero" wins."""
        return RangeList((*self._ranges, *other._ranges))

    def clip(self, size_bytes: int) -> RangeList:
        """What lies before ``size_bytes``."""
        return RangeList(
            ByteRange(r.offset, min(r.length, size_bytes - r.offset), r.zero)
            for r in self._ranges
            if r.offset < size_bytes
        )

    def covers(self, offset: int, length: int) -> bool:
        """Whether every byte of the given range is in the list."""
        low, high = 0, len(self._ranges)
        while low < high:  # first range that ends behind the offset
            middle = (low + high) // 2
            if self._ranges[middle].end <= offset:
                low = middle + 1
            else:
                high = middle
        end = offset + length
        while offset < end:
            if low == len(self._ranges) or self._ranges[low].offset > offset:
                return False
            offset = self._ranges[low].end
            low += 1
        return True


def _is_size(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _normalised(ranges: Iterable[ByteRange]) -> list[ByteRange]:
    items = sorted(r for r in ranges if r.length > 0)
    if items and items[0].offset < 0:
        raise Invalid("A range starts before the disk.")
    data = _joined(r for r in items if not r.zero)
    zeros = _joined(r for r in items if r.zero)
    return sorted([*data, *_without(zeros, data)]) if zeros else data


def _joined(items: Iterable[ByteRange]) -> list[ByteRange]:
    joined: list[ByteRange] = []
    for item in items:
        if joined and item.offset <= joined[-1].end:
            last = joined[-1]
            joined[-1] = ByteRange(last.offset, max(last.end, item.end) - last.offset, item.zero)
        else:
            joined.append(item)
    return joined


def _without(items: list[ByteRange], holes: list[ByteRange]) -> Iterator[ByteRange]:
    """``items`` less what is in ``holes``; both sorted and without overlaps."""
    first = 0
    for item in items:
        at = item.offset
        while first < len(holes) and holes[first].end <= at:
            first += 1
        index = first
        while index < len(holes) and holes[index].offset < item.end:
            hole = holes[index]
            if hole.offset > at:
                yield ByteRange(at, hole.offset - at, item.zero)
            at = hole.end
            index += 1
        if at < item.end:
            yield ByteRange(at, item.end - at, item.zero)
