"""The index: there and back, by range, and refused when wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyanite.base.errors import (
    Damaged,
    EngineError,
    Missing,
    ObjectMissing,
)
from kyanite.base.units import KIB
from kyanite.engine.format import MAX_CHUNK_BYTES, MAX_PACK_BYTES, TAG_BYTES
from kyanite.engine.index import Index
from kyanite.engine.index_layout import (
    RECORD_BYTES,
    IndexSizes,
    bucket_bits,
    object_of,
    open_place,
    place_of,
)
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.index_shelf import Shelf
from kyanite.engine.pack import HEADER, PackNumber, PackRef, PackTable
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory import MemoryStorage
from support.indexes import KEY, RANGED, REPOSITORY, check, expected, load, packs, put


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


@pytest.mark.parametrize(
    ("limits", "named_alone"),
    [
        pytest.param(None, True, id="whole segments"),
        pytest.param(RANGED, False, id="read by range: all copies come together"),
    ],
)
def test_of_a_chunk_in_several_packs_the_one_that_is_named_is_found(
    limits: IndexSizes | None, named_alone: bool
) -> None:
    storage = MemoryStorage()
    (table,) = packs(1, 1)
    twin = PackTable(PackRef(b"s" * 16, b"p" * 16), 1, 0, table.rows)
    put(storage, [table], [twin], *([one] for one in packs(2, 5)))
    index = load(storage, limits)
    entry_id = next(table.entries).entry_id
    every = index.find_all_many([entry_id])[0]
    assert len(every) == 2
    elsewhere, unknown = packs(2, 1)[0].pack.number, PackNumber(b"n" * 16, 7)
    first, second, other, none, lost = index.find_named_many(
        [
            (entry_id, table.pack.number),
            (entry_id, twin.pack.number),
            (entry_id, elsewhere),
            (entry_id, None),
            (b"?" * 32, unknown),
        ]
    )
    if named_alone:
        assert [one.pack for one in first] == [table.pack]
        assert [one.pack for one in second] == [twin.pack]
    else:
        assert first == second == every
    assert other == none == every
    assert lost == []


def test_a_pack_that_goes_is_not_found_by_its_name() -> None:
    storage = MemoryStorage()
    (table,) = packs(1, 1)
    twin = PackTable(PackRef(b"s" * 16, b"p" * 16), 1, 0, table.rows)
    put(storage, [table], [twin])
    tidy_index(storage, KEY, REPOSITORY, [table.pack])
    entry_id = next(table.entries).entry_id
    ((found, *_),) = load(storage).find_named_many([(entry_id, table.pack.number)])
    assert found.pack == twin.pack


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
