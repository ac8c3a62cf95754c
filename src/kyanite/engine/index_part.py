"""A part of an index segment: where its buckets lie, and the search in one of them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from typing import Final, Protocol

from kyanite.base.units import KIB
from kyanite.engine.format import TAG_BYTES
from kyanite.engine.index_cache import CachedObject
from kyanite.engine.index_layout import PREFIX_BYTES, RECORD_BYTES

# Buckets this near to each other are read at once: a request costs more than these bytes.
_JOINED_GAP_BYTES: Final = 8 * KIB

Hit = tuple[int, int]  # number of the pack in the segment, place
_NO_HITS: Final[Sequence[Hit]] = ()


class Part:
    """The table of a part, and its buckets as far as they are here."""

    def __init__(
        self, number: int, start: int, bits: int, part_bits: int, sums: array[int]
    ) -> None:
        self.number = number
        self.bits = bits
        self.shift = 64 - part_bits - bits
        self.mask = (1 << bits) - 1
        self.sums = sums
        self.first = start + 2 * (1 << bits) + TAG_BYTES
        self.records: bytes | None = None  # all of them, if the segment was read whole
        self.cached: CachedObject | None = None
        self.checked = bytearray()  # of the cached buckets: whether they have passed

    def offset(self, bucket: int) -> int:
        """Where the sealed bucket begins in the object."""
        return self.first + self.sums[bucket] * RECORD_BYTES + bucket * TAG_BYTES

    def length(self, bucket: int) -> int:
        """Plain bytes of a bucket."""
        return (self.sums[bucket + 1] - self.sums[bucket]) * RECORD_BYTES


class _Searchable(Protocol):
    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...
    def __getitem__(self, place: slice, /) -> bytes: ...


def search(buffer: _Searchable, start: int, end: int, prefix: bytes) -> Sequence[Hit]:
    """The records of ``prefix`` among those from ``start`` to ``end``."""
    at = buffer.find(prefix, start, end)
    if at < 0:
        return _NO_HITS
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
            number != current or part.offset(bucket) - part.offset(run[-1] + 1) > _JOINED_GAP_BYTES
        ):
            yield current, run
            run = []
        current = number
        run.append(bucket)
    if run:
        yield current, run


def part_table(sums: array[int]) -> bytes:
    """The table of a part again, from the sums of its counts."""
    counts = array("H", (after - before for before, after in pairwise(sums)))
    return little_endian(counts).tobytes()


def little_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
