"""The total of a backup's progress is what the engine will process."""

from __future__ import annotations

from kyanite.base.units import KIB, MIB
from kyanite.datamover.backup_work import work_bytes
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.ranges import ByteRange, RangeList

GRID = 512 * KIB


class Nothing:
    def read_into(self, offset: int, buffer: memoryview) -> None:
        raise AssertionError(f"nobody reads {len(buffer)} bytes at {offset}")


def of(*ranges: ByteRange, size_bytes: int = 64 * MIB, changes: bool = True) -> int:
    listed = RangeList(ranges)
    disk = DiskInput(
        "d",
        "d",
        size_bytes,
        Nothing(),
        allocated=None if changes else listed,
        changes=listed if changes else None,
    )
    return work_bytes(disk, GRID)


def test_a_range_counts_with_the_pieces_it_touches() -> None:
    assert of(ByteRange(0, 1)) == GRID
    assert of(ByteRange(GRID - 1, 2)) == 2 * GRID
    assert of(ByteRange(GRID, GRID), changes=False) == GRID


def test_ranges_in_one_piece_count_once() -> None:
    assert of(ByteRange(0, 512), ByteRange(4096, 512), ByteRange(8192, 512, zero=True)) == GRID


def test_the_last_piece_ends_with_the_disk() -> None:
    assert of(ByteRange(MIB, 100), size_bytes=MIB + 4096) == 4096


def test_without_ranges_everything_is_read() -> None:
    assert work_bytes(DiskInput("d", "d", 3 * MIB, Nothing()), GRID) == 3 * MIB
