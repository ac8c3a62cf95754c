"""The index: there and back, by range and from its cache, merged, and refused when wrong."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyanite.base.clock import ManualClock
from kyanite.base.errors import (
    Damaged,
    EngineError,
    Missing,
    ObjectMissing,
    StorageUnavailable,
)
from kyanite.base.units import KIB
from kyanite.engine.format import MAX_CHUNK_BYTES, MAX_PACK_BYTES, TAG_BYTES
from kyanite.engine.index import Index, load_index, put_index
from kyanite.engine.index_cache import IndexCache, keep_caches_in
from kyanite.engine.index_choice import choose
from kyanite.engine.index_layout import (
    RECORD_BYTES,
    IndexSizes,
    bucket_bits,
    object_of,
    open_place,
    place_of,
)
from kyanite.engine.index_location import Location
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.index_shelf import Shelf
from kyanite.engine.pack import HEADER, ROW, PackRef, PackTable
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage

KEY = b"k" * 32
REPOSITORY = b"r" * 16

# Everything is read by range, and a few thousand records are several parts.
RANGED = IndexSizes(whole_bytes=0, part_records=1000, rewritten_bytes=0)


def packs(seed: int, count: int, entries: int = 60) -> list[PackTable]:
    chooser = random.Random(seed)
    return [
        PackTable(
            PackRef(chooser.randbytes(16), chooser.randbytes(16)),
            1000 + number,
            number % 3,
            b"".join(
                ROW.pack(chooser.randbytes(32), chooser.randrange(17, 900), 999, 1, 1, 0)
                for _ in range(chooser.randrange(1, entries))
            ),
        )
        for number in range(count)
    ]


def expected(tables: Sequence[PackTable]) -> dict[bytes, Location]:
    return {
        e.entry_id: Location(t.pack, t.epoch, e.offset, e.stored_length, e.entry_type, e.codec)
        for t in tables
        for e in t.entries
    }


def put(storage: MemoryStorage, *groups: Sequence[PackTable], with_packs: bool = True) -> None:
    for tables in groups:
        put_index(storage, tables, KEY, REPOSITORY)
        for table in tables if with_packs else ():
            if table.pack.name not in {info.name for info in storage.list(table.pack.name)}:
                storage.put(table.pack.name, b"a pack")


def load(
    storage: MemoryStorage | CountingStorage,
    limits: IndexSizes | None = None,
    cache: IndexCache | None = None,
) -> Index:
    return load_index(storage, KEY, REPOSITORY, cache, limits)


def check(index: Index, known: dict[bytes, Location]) -> None:
    unknown = [os.urandom(32) for _ in range(50)]
    ids = [*known, *unknown]
    random.shuffle(ids)
    assert index.find_many(ids) == [known.get(one) for one in ids]
    for one in ids[:50]:
        assert index.find(one) == known.get(one)
        assert list(index.find_all(one)) == ([known[one]] if one in known else [])


@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("limits", [None, RANGED])
def test_an_index_finds_everything_it_was_given_and_nothing_else(
    count: int, limits: IndexSizes | None
) -> None:
    storage = MemoryStorage()
    first, second = packs(count, count), packs(count + 100, count)
    put(storage, first, second)
    index = load(storage, limits)
    check(index, expected([*first, *second]))
    assert set(index.packs()) == {table.pack for table in [*first, *second]}


def test_a_segment_of_many_parts_finds_everything_by_range() -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 30) for seed in range(12)]
    put(storage, *groups)
    assert tidy_index(storage, KEY, REPOSITORY, (), RANGED)
    names = [object_of(info.name) for info in storage.list("index/")]
    assert len({one[0] for one in names if one}) == 1
    assert len(names) > 8
    check(load(storage, RANGED), expected([t for group in groups for t in group]))


def test_a_look_up_by_range_reads_little_and_in_few_rounds() -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 100) for seed in range(10)]
    put(storage, *groups)
    tidy_index(storage, KEY, REPOSITORY, (), RANGED)
    counting = CountingStorage(storage)
    index = load(counting, RANGED)
    known = expected(groups[3])
    ids = list(known)[:20]
    counting.requests.clear()
    counting.bytes_moved.clear()
    assert index.find_many(ids) == [known[one] for one in ids]
    assert counting.requests["get_range"] <= 3 * len(ids)
    assert counting.bytes_moved["get_range"] < 20 * 12 * KIB
    counting.requests.clear()
    index.find_many(ids)
    assert not counting.requests  # what was read stays at hand


def test_a_record_takes_less_than_28_bytes() -> None:
    storage = MemoryStorage()
    tables = packs(1, 600, entries=300)
    put(storage, tables, with_packs=False)
    size = sum(info.size_bytes for info in storage.list("index/"))
    assert size / sum(len(table) for table in tables) < 28
    assert RECORD_BYTES == 27


def test_excluded_packs_are_not_found_but_still_named_to_readers() -> None:
    storage = MemoryStorage()
    tables = packs(1, 4)
    put(storage, tables)
    index = load(storage)
    blind = index.excluding([tables[0].pack.number])
    entry = next(tables[0].entries)
    assert index.find(entry.entry_id)
    assert blind.find(entry.entry_id) is None
    assert blind.find_many([entry.entry_id]) == [None]
    assert next(blind.find_all(entry.entry_id)).pack == tables[0].pack


@pytest.mark.parametrize("limits", [None, RANGED])
def test_a_chunk_in_a_pack_that_goes_is_found_in_the_other_pack(
    limits: IndexSizes | None,
) -> None:
    storage = MemoryStorage()
    (table,) = packs(1, 1)
    twin = PackTable(PackRef(b"s" * 16, b"p" * 16), 1, 0, table.rows)
    put(storage, [table], [twin])
    tidy_index(storage, KEY, REPOSITORY, [table.pack], limits)
    index = load(storage, limits)
    entry = next(table.entries)
    found = index.find(entry.entry_id)
    assert found is not None
    assert found.pack == twin.pack
    assert next(index.find_all(entry.entry_id)).pack == twin.pack


def test_packs_that_go_are_written_down_in_a_big_index_and_left_out_by_a_full_merge() -> None:
    storage = MemoryStorage()
    tables = packs(1, 40)
    put(storage, tables)
    before = {info.name for info in storage.list("index/")}
    assert tidy_index(storage, KEY, REPOSITORY, [tables[0].pack], RANGED)
    assert before < {info.name for info in storage.list("index/")}
    entry = next(tables[0].entries)
    assert load(storage, RANGED).find(entry.entry_id) is None
    assert tables[0].pack in load(storage, RANGED).packs()
    storage.delete(tables[0].pack.name)
    put(storage, *([table] for table in packs(2, 9)))
    assert tidy_index(storage, KEY, REPOSITORY, ())
    index = load(storage)
    assert len(index.segments) == 1
    assert tables[0].pack not in index.packs()
    assert index.segments[0].gone == frozenset()


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


def test_an_index_that_changes_all_the_time_is_given_up_with_a_hint() -> None:
    storage = MemoryStorage()
    put(storage, packs(1, 5))
    index = load(storage, RANGED)
    storage.delete(next(storage.list("index/")).name)
    with pytest.raises(Missing, match="rebuild-index"):
        _without_listing(index, storage).find(next(packs(1, 5)[0].entries).entry_id)


def _without_listing(index: Index, storage: MemoryStorage) -> Index:
    """The listing still shows the segment; reading it fails."""

    class Lying(CountingStorage):
        def get_range(self, name: str, offset: int, length: int) -> bytes:
            if length < 64 * KIB:
                raise ObjectMissing(f"{name} is gone.")
            return super().get_range(name, offset, length)

    put(storage, packs(1, 5))
    return load(Lying(storage), RANGED)


def test_a_segment_with_a_lost_part_does_not_count_until_it_is_whole() -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 30) for seed in range(9)]
    put(storage, *groups)
    small = storage.copy()
    tidy_index(storage, KEY, REPOSITORY, (), RANGED)
    part = next(info.name for info in storage.list("index/") if "." in info.name)
    storage.delete(part)
    index = load(storage, RANGED)
    assert index.incomplete == (part.partition(".")[0],)
    assert index.find_many([next(groups[0][0].entries).entry_id]) == [None]
    for info in small.list("index/"):
        storage.put(info.name, small.get(info.name))
    check(load(storage, RANGED), expected([table for group in groups for table in group]))


@pytest.mark.parametrize("limits", [IndexSizes(), RANGED])
def test_the_cache_answers_without_reads_and_may_be_deleted_or_damaged(
    limits: IndexSizes, tmp_path: Path
) -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 30) for seed in range(9)]
    put(storage, *groups)
    tidy_index(storage, KEY, REPOSITORY, (), limits)
    known = expected([table for group in groups for table in group])
    folder = tmp_path / "cache"
    check(load(storage, limits, IndexCache(folder)), known)

    counting = CountingStorage(storage)
    index = load(counting, limits, IndexCache(folder))
    opened = counting.bytes_moved.total()
    assert index.find_many(list(known)) == list(known.values())
    assert counting.bytes_moved.total() == opened
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())

    for path in folder.iterdir():  # every byte of it wrong
        path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))
    check(load(storage, limits, IndexCache(folder)), known)

    files = sorted(folder.iterdir(), key=lambda path: path.stat().st_size)
    files[-1].write_bytes(files[0].read_bytes()[:-1])  # of another object, of another size
    check(load(storage, limits, IndexCache(folder)), known)

    index = load(storage, limits, IndexCache(folder))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    check(index, known)
    (tmp_path / "file").write_bytes(b"")
    check(load(storage, limits, IndexCache(tmp_path / "file" / "no")), known)


def test_a_cache_takes_no_more_room_than_it_may(tmp_path: Path) -> None:
    storage = MemoryStorage()
    for seed in range(6):
        put(storage, packs(seed, 30))
    names = [info.name for info in storage.list("index/")]
    cache = IndexCache(tmp_path, most_bytes=64 * 1024)
    for number, name in enumerate(names):
        cache.keep_whole(name, bytes(30_000))
        os.utime(tmp_path / name.removeprefix("index/"), (number, number))
    cache.keep_only(names)
    assert {path.name for path in tmp_path.iterdir()} == {
        name.removeprefix("index/") for name in names[-2:]
    }


def test_a_process_that_keeps_caches_reads_an_index_once(tmp_path: Path) -> None:
    storage = MemoryStorage()
    put(storage, packs(1, 30))
    counting = CountingStorage(storage)
    keep_caches_in(tmp_path / "cache")
    load_index(counting, KEY, REPOSITORY)
    first = counting.bytes_moved.total()
    load_index(counting, KEY, REPOSITORY)
    assert counting.bytes_moved.total() == first > 0
    assert (tmp_path / "cache" / REPOSITORY.hex()).stat().st_mode & 0o777 == 0o700
    keep_caches_in(None)
    load_index(counting, KEY, REPOSITORY)
    assert counting.bytes_moved.total() == 2 * first


def test_the_cache_forgets_segments_that_are_gone(tmp_path: Path) -> None:
    storage = MemoryStorage()
    put(storage, *(packs(seed, 3) for seed in range(9)))
    load(storage, None, IndexCache(tmp_path))
    assert len(list(tmp_path.iterdir())) == 9
    tidy_index(storage, KEY, REPOSITORY)
    load(storage, None, IndexCache(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("limits", [None, RANGED])
def test_every_changed_byte_of_a_segment_is_found(limits: IndexSizes | None) -> None:
    storage = MemoryStorage()
    put(storage, packs(1, 5))
    (info,) = storage.list("index/")
    data = storage.get(info.name)
    chooser = random.Random(4)
    places = [*range(80), *(chooser.randrange(len(data)) for _ in range(150))]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << chooser.randrange(8)
        storage.overwrite(info.name, bytes(changed))
        with pytest.raises(EngineError):
            _read_everything(storage, limits)
    for wrong in (data[:-1], data + b"x", b"", data[:70]):
        storage.overwrite(info.name, wrong)
        with pytest.raises(EngineError):
            load(storage, limits)


def _read_everything(storage: MemoryStorage, limits: IndexSizes | None) -> None:
    for segment in Shelf(storage, KEY, REPOSITORY, limits=limits).segments:
        segment.check()


def test_parts_of_two_segments_cannot_be_exchanged() -> None:
    storage = MemoryStorage()
    put(storage, *(packs(seed, 30) for seed in range(9)))
    tidy_index(storage, KEY, REPOSITORY, (), RANGED)
    parts = [info.name for info in storage.list("index/") if "." in info.name]
    by_size: dict[int, list[str]] = {}
    for name in parts:
        by_size.setdefault(storage.size(name), []).append(name)
    one, two = storage.get(parts[0]), storage.get(parts[1])
    length = min(len(one), len(two))
    storage.overwrite(parts[0], two[:length] + one[length:])
    (segment,) = load(storage, RANGED).segments
    with pytest.raises(Damaged):
        segment.check()


@given(st.binary(max_size=300))
def test_rubbish_is_no_segment(rubbish: bytes) -> None:
    storage = MemoryStorage()
    storage.put(f"index/{'0' * 32}", b"kyn-indx\1\0" + rubbish)
    for limits in (None, RANGED):
        with pytest.raises(EngineError):
            load(storage, limits)


def test_names_that_are_not_ours_are_left_alone() -> None:
    stem = f"index/{'0a' * 16}"
    assert object_of(stem) == (stem, None)
    assert object_of(f"{stem}.00f") == (stem, 15)
    for other in ("index/x", f"{stem}.f", f"{stem}.", f"{stem}x", f"index/{'0A' * 16}"):
        assert object_of(other) is None
    storage = MemoryStorage()
    storage.put("index/readme", b"hello")
    assert load(storage).find(bytes(32)) is None


@given(
    st.integers(HEADER.size, MAX_PACK_BYTES - MAX_CHUNK_BYTES - TAG_BYTES),
    st.integers(TAG_BYTES + 1, MAX_CHUNK_BYTES + TAG_BYTES),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_a_place_goes_there_and_back(offset: int, length: int, kind: int, codec: int) -> None:
    place = place_of(offset, length, kind, codec)
    assert place < 1 << 53
    assert open_place(place) == (offset, length, kind, codec)
    for wrong in (place | 1 << 53, place_of(MAX_PACK_BYTES - 1, 100, 1, 1), 0):
        with pytest.raises(Damaged):
            open_place(wrong)


def test_buckets_hold_64_to_128_records_on_average() -> None:
    for records in (1, 128, 129, 1000, 12345, 2_400_000):
        mean = records / (1 << bucket_bits(records))
        assert mean <= 128
        assert mean >= 64 or records < 129


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
