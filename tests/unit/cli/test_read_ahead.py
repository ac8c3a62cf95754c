"""What of an image is fetched ahead of the reads, and in which order."""

from __future__ import annotations

from itertools import pairwise

from kyanite.base.units import MIB
from kyanite.cli.repo.read_ahead import ReadAhead
from kyanite.engine.ranges import ByteRange, RangeList

AHEAD = 64 * MIB


class Disk:
    """Notes what was fetched."""

    def __init__(self) -> None:
        self.fetched: list[ByteRange] = []
        self.ahead = ReadAhead(
            lambda offset, length: self.fetched.append(ByteRange(offset, length))
        )

    @property
    def size_bytes(self) -> int:
        return sum(one.length for one in self.fetched)


def megabytes(*ranges: tuple[int, int]) -> RangeList:
    return RangeList(ByteRange(offset * MIB, length * MIB) for offset, length in ranges)


def test_some_is_fetched_at_once_and_then_as_much_as_is_read() -> None:
    disk = Disk()
    disk.ahead.survey(megabytes((0, 1000), (2000, 10)))
    assert disk.size_bytes == AHEAD
    for read in range(8, 1011, 8):
        disk.ahead.has_read(8 * MIB)
        assert disk.size_bytes == min(AHEAD + read * MIB, 1010 * MIB)
    assert all(before.end <= after.offset for before, after in pairwise(disk.fetched))


def test_zeros_are_not_fetched() -> None:
    disk = Disk()
    disk.ahead.survey(RangeList([ByteRange(0, 4 * MIB, zero=True), ByteRange(8 * MIB, MIB)]))
    assert disk.fetched == [ByteRange(8 * MIB, MIB)]


def test_what_is_read_next_goes_before_what_may_be_read_later() -> None:
    disk = Disk()
    disk.ahead.survey(megabytes((0, 64), (500, 10), (900, 10), (1500, 10)))
    disk.fetched.clear()
    disk.ahead.expect(megabytes((400, 80), (800, 80)))
    assert RangeList(disk.fetched) == megabytes((400, 64))
    disk.ahead.expect(megabytes((1000, 20)))
    disk.ahead.has_read(1000 * MIB)
    assert RangeList(disk.fetched) == megabytes((400, 80), (800, 80), (1000, 20), (1500, 10))
    assert all(before.end <= after.offset for before, after in pairwise(disk.fetched))


def test_a_disk_of_very_many_pieces_is_no_matter() -> None:
    disk = Disk()
    disk.ahead.survey(megabytes((0, 1)))
    for number in range(100_000):
        disk.ahead.expect(megabytes((10 * number, 4)))
    disk.ahead.has_read(1 << 50)
    assert disk.fetched[-1].end == (10 * 99_999 + 4) * MIB
