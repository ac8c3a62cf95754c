"""A part of an index segment: where its buckets lie, and the search in one of them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Protocol

from kyanite.base.units import KIB
from kyanite.engine.format import TAG_BYTES
from kyanite.engine.index_cache import CachedObject
from kyanite.engine.index_layout import PREFIX_BYTES, RECORD_BYTES

# Buckets this near to each other are read at once: a request costs more than these bytes.
_JOINED_GAP_BYTES: Final = 8 * KIB

Hit = tuple[int, int]  # number of the pack in the segment, place
NO_HITS: Final[Sequence[Hit]] = ()


class Part:
    """The table of a part, and its buckets as far as they are here.

    buffer   the object mapped from the cache, or all records, or nothing
    checked  of the mapped buckets, whether they have passed; ``None``: nothing to check
    starts   where each bucket begins in ``buffer``, or in the object if there is none
    gap      bytes between the buckets
    """

    __slots__ = ("bits", "buffer", "cached", "checked", "gap", "mask", "number", "shift", "starts")

    def __init__(
        self, number: int, start: int, bits: int, part_bits: int, counts: Iterable[int]
    ) -> None:
        self.number = number
        self.bits = bits
        self.shift = 64 - part_bits - bits
        self.mask = (1 << bits) - 1
        self.gap = TAG_BYTES
        self.starts = _starts(counts, start + 2 * (1 << bits) + TAG_BYTES, TAG_BYTES)
        self.buffer: Searchable | None = None
        self.checked: bytearray | None = None
        self.cached: CachedObject | None = None

    def take(self, records: bytes) -> None:
        """All records are here, in one piece."""
        self.starts = _starts(self.counts(), 0, 0)
        self.gap = 0
        self.buffer = records

    def map(self, cached: CachedObject) -> None:
        """Buckets may be in the cache."""
        self.cached = cached
        self.buffer = cached.view
        self.checked = bytearray(1 << self.bits)

    def counts(self) -> list[int]:
        """Records of each bucket."""
        return [
            (after - before - self.gap) // RECORD_BYTES for before, after in pairwise(self.starts)
        ]

    def length(self, bucket: int) -> int:
        """Plain bytes of a bucket."""
        return self.starts[bucket + 1] - self.starts[bucket] - self.gap


def _starts(counts: Iterable[int], first: int, gap: int) -> array[int]:
    starts = array("I", [first])
    at = first
    for count in counts:
        at += count * RECORD_BYTES + gap
        starts.append(at)
    return starts


class Searchable(Protocol):
    """Bytes, or a map of them."""

    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...
    def __getitem__(self, place: slice, /) -> bytes: ...


def search(buffer: Searchable, start: int, end: int, prefix: bytes) -> Sequence[Hit]:
    """The records of ``prefix`` among those from ``start`` to ``end``."""
    at = buffer.find(prefix, start, end)
    if at < 0:
        return NO_HITS
    hits: list[Hit] = []
    while at >= 0:
        if (at - start) % RECORD_BYTES:
            at += 1  # a chance hit across records
        else:
            rest = buffer[at + PREFIX_BYTES : at + RECORD_BYTES]
            hits.append((int.from_bytes(rest[:4], "little"), int.from_bytes(rest[4:], "little")))
            at += RECORD_BYTES
        at = buffer.find(prefix, at, end)
    return hits


def runs(
    buckets: Collection[tuple[int, int]], part_of: Callable[[int], Part]
) -> Iterator[tuple[int, list[int]]]:
    """Part and buckets of each read: near ones together."""
    run: list[int] = []
    current = -1
    for number, bucket in sorted(buckets):
        part = part_of(number)
        if run and (
            number != current or part.starts[bucket] - part.starts[run[-1] + 1] > _JOINED_GAP_BYTES
        ):
            yield current, run
            run = []
        current = number
        run.append(bucket)
    if run:
        yield current, run


def part_table(part: Part) -> bytes:
    """The table of a part again."""
    return little_endian(array("H", part.counts())).tobytes()


def little_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
