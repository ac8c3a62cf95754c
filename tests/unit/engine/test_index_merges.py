"""Segments of an index are merged: nothing is lost, and few are left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kyanite.base.clock import ManualClock
from kyanite.base.errors import (
    StorageUnavailable,
)
from kyanite.base.units import KIB
from kyanite.engine.index_choice import choose
from kyanite.engine.index_layout import (
    IndexSizes,
    object_of,
)
from kyanite.engine.index_location import Location
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage
from support.indexes import KEY, RANGED, REPOSITORY, check, expected, load, packs, put


def test_merging_again_and_again_keeps_everything_and_few_segments() -> None:
    storage = MemoryStorage()
    known: dict[bytes, Location] = {}
    limits = IndexSizes(whole_bytes=4 * KIB, part_records=1500, rewritten_bytes=0)
    for seed in range(60):
        group = packs(seed, 4)
        known |= expected(group)
        put(storage, group)
        tidy_index(storage, KEY, REPOSITORY, (), limits)
        assert len(load(storage, limits).segments) <= 8 + 5
    check(load(storage, limits), known)


@pytest.mark.parametrize("moment", Moment)
def test_a_merge_that_dies_at_any_write_loses_nothing_and_leaves_nothing(moment: Moment) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    full = MemoryStorage(clock)
    groups = [packs(seed, 6) for seed in range(9)]
    known = expected([table for group in groups for table in group])
    put(full, *groups)
    for number in range(1, 100):
        storage = full.copy()
        faulty = FaultyStorage(storage, number, moment)
        try:
            tidy_index(faulty, KEY, REPOSITORY, (), RANGED)
        except StorageUnavailable:
            check(load(storage, RANGED), known)
            clock.advance(timedelta(days=2))
            put(storage, packs(99, 1))  # by the storage's own clock it is later
            tidy_index(storage, KEY, REPOSITORY, (), IndexSizes())
            check(load(storage, RANGED), known | expected(packs(99, 1)))
            names = [object_of(info.name) for info in storage.list("index/")]
            heads = {one[0] for one in names if one is not None and one[1] is None}
            assert {one[0] for one in names if one is not None} == heads
        else:
            assert number > 9
            return
    raise AssertionError("The merge never ends.")


def test_a_merge_whose_parts_were_taken_for_junk_takes_itself_back() -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 30) for seed in range(9)]
    put(storage, *groups)

    class Swept(CountingStorage):
        """Another process deletes the parts while this one is frozen before its head."""

        def put(self, name: str, data: Data) -> None:
            if "." not in name:
                for info in list(storage.list("index/")):
                    if "." in info.name:
                        storage.delete(info.name)
            super().put(name, data)

    tidy_index(Swept(storage), KEY, REPOSITORY, (), RANGED)
    assert len(list(storage.list("index/"))) == 9
    check(load(storage, RANGED), expected([table for group in groups for table in group]))


def test_records_that_two_merges_wrote_are_joined_by_the_next() -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 5) for seed in range(9)]
    put(storage, *groups)
    twice = storage.copy()
    tidy_index(storage, KEY, REPOSITORY, (), RANGED)
    for info in list(twice.list("index/")):
        storage.put(info.name, twice.get(info.name))
    tidy_index(storage, KEY, REPOSITORY, (), RANGED)
    index = load(storage, RANGED)
    tables = [table for group in groups for table in group]
    assert sum(segment.records for segment in index.segments) == sum(map(len, tables))
    check(index, expected(tables))


def test_a_segment_that_was_merged_away_makes_the_reader_list_again() -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 5) for seed in range(9)]
    put(storage, *groups)
    index = load(storage, RANGED)
    tidy_index(storage, KEY, REPOSITORY, (), RANGED)
    check(index, expected([table for group in groups for table in group]))


@pytest.mark.parametrize(
    ("sizes", "merged"),
    [
        ([1] * 8, 0),
        ([1] * 9, 9),
        ([1] * 8 + [100], 0),
        ([1] * 9 + [200], 9),
        ([1] * 9 + [50], 10),
        ([1] * 9 + [50, 300], 11),
        ([11, 180, 3100], 0),
        ([11, 50], 2),
        ([11, 90, 500], 3),
        ([11] * 100, 64),
    ],
)
def test_segments_are_merged_in_tiers(sizes: list[int], merged: int) -> None:
    assert choose(sizes, 10) == merged
