"""What differs between two points, said without reading data."""

from __future__ import annotations

import random

import pytest

from kyanite.base.errors import NotFound
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.maintenance import Maintenance
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import back_up_disk, change, disk_contents, tiny_repository

NOISE = random.Random(3).randbytes(300 * KIB)


def test_a_point_does_not_differ_from_itself() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point.session_id
    (disk,) = repository.differences(point, point)
    assert disk.ranges == ()


def test_what_was_written_between_two_points_is_named_to_the_chunk() -> None:
    repository = tiny_repository(MemoryStorage())
    contents = bytearray(NOISE)
    first = back_up_disk(repository, contents).point.session_id
    contents[100 * KIB : 101 * KIB] = random.Random(1).randbytes(KIB)
    contents[200 * KIB : 208 * KIB] = bytes(8 * KIB)
    changes = RangeList([ByteRange(100 * KIB, KIB), ByteRange(200 * KIB, 8 * KIB)])
    second = back_up_disk(repository, contents, parent=first, changes=changes).point.session_id
    (disk,) = repository.differences(first, second)
    covered = RangeList(list(disk.ranges))
    assert covered.covers(100 * KIB, KIB)
    assert covered.covers(200 * KIB, 8 * KIB)
    assert disk.different_bytes <= 64 * KIB
    assert any(one.zero for one in disk.ranges)


@pytest.mark.parametrize("seed", range(12))
def test_every_byte_that_differs_lies_in_a_range_and_the_rest_is_equal(seed: int) -> None:
    chooser = random.Random(seed)
    repository = tiny_repository(MemoryStorage())
    before = disk_contents(chooser, chooser.randrange(1, 250 * KIB))
    first = back_up_disk(repository, before).point.session_id
    after = bytearray(before)
    change(chooser, after)
    if chooser.random() < 0.5:
        after = after[: chooser.randrange(1, len(after) + 1)]
    else:
        after += disk_contents(chooser, chooser.randrange(1, 60 * KIB))
    second = back_up_disk(repository, after).point.session_id
    (disk,) = repository.differences(first, second)
    size = max(len(before), len(after))
    old, new = before.ljust(size, b"\1"), after.ljust(size, b"\2")
    at = 0
    for one in [*disk.ranges, ByteRange(size, 1)]:
        assert old[at : one.offset] == new[at : one.offset]
        if one.zero and one.end <= len(after):
            assert not any(after[one.offset : one.end])
        at = one.end


def test_no_data_is_read_for_it() -> None:
    storage = CountingStorage(MemoryStorage())
    repository = tiny_repository(storage)
    contents = bytearray(NOISE)
    first = back_up_disk(repository, contents).point.session_id
    contents[0] ^= 1
    second = back_up_disk(
        repository, contents, parent=first, changes=RangeList([ByteRange(0, 1)])
    ).point.session_id
    storage.bytes_moved.clear()
    repository.differences(first, second)
    assert storage.bytes_moved["get_range"] < 10 * KIB


def test_disks_that_come_or_go_differ_as_a_whole_and_unknown_points_are_refused() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point.session_id
    with pytest.raises(NotFound):
        repository.differences(point, new_id())
    repository.delete_points([point])
    with pytest.raises(NotFound):
        repository.differences(point, point)


def test_the_maintenance_key_is_enough() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point.session_id
    key = repository.export_maintenance_key()
    opened = Maintenance.open_with_maintenance_key(repository.storage, key)
    assert opened.differences(point, point)[0].ranges == ()
