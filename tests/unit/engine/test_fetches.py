"""How what is wanted of packs becomes reads, and what these bring of their packs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kyanite.base.errors import Missing
from kyanite.base.units import KIB, MIB
from kyanite.engine.format import EntryType
from kyanite.engine.index_location import Location
from kyanite.engine.pack import PackRef
from kyanite.engine.pack_bytes import PackBytes
from kyanite.engine.ranges import ByteRange
from kyanite.engine.read_pacing import ReadPacing
from kyanite.engine.restore_plan import Fetch, Wanted, in_batches, paced_fetches
from kyanite.engine.storage.folder import FolderStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.slow import Distance, SlowStorage
from kyanite.engine.storage.streaming import ByteStream, reads_in_place

PACK = PackRef(bytes(16), bytes(16))
ENTRY = 40 * KIB
APART = [ByteRange(MIB * place, ENTRY) for place in (1, 2, 9, 20, 29)]
NEIGHBOURS = [ByteRange(MIB, ENTRY), ByteRange(MIB + ENTRY + 128 * KIB, ENTRY)]


class CountedReads(MemoryStorage):
    """Counts what is read of its streams."""

    read_bytes = 0

    def open_range(self, name: str, offset: int, length: int) -> ByteStream:
        return _Counted(super().open_range(name, offset, length), self)


class _Counted:
    def __init__(self, inner: ByteStream, storage: CountedReads) -> None:
        self.skip, self.close = inner.skip, inner.close
        self._inner = inner
        self._storage = storage

    def read_into(self, buffer: memoryview) -> int:
        count = self._inner.read_into(buffer)
        self._storage.read_bytes += count
        return count


def wanted(entries: list[ByteRange]) -> list[Wanted]:
    return [
        Wanted(
            entry.offset.to_bytes(32, "little"),
            64 * KIB,
            Location(PACK, 0, entry.offset, entry.length, EntryType.CHUNK, 1),
            [entry.offset],
        )
        for entry in entries
    ]


def planned(entries: list[ByteRange], *, skips_gaps: bool) -> list[Fetch]:
    pacing = ReadPacing(0, 16 * MIB, skips_gaps=skips_gaps)
    return list(paced_fetches([(PACK, wanted(entries))], pacing))


def test_where_gaps_can_be_skipped_a_scattered_pack_is_one_read_of_what_is_wanted() -> None:
    (fetch,) = planned(APART, skips_gaps=True)
    assert [one.location.offset for one in fetch.wanted] == [entry.offset for entry in APART]
    assert fetch.ranges == tuple(APART)
    assert fetch.read_bytes == len(APART) * ENTRY
    assert (fetch.offset, fetch.length) == (MIB, 28 * MIB + ENTRY)


def test_elsewhere_each_piece_of_it_is_a_read() -> None:
    assert [fetch.ranges for fetch in planned(APART, skips_gaps=False)] == [
        (entry,) for entry in APART
    ]


@pytest.mark.parametrize("skips_gaps", [True, False])
def test_a_gap_that_is_cheaper_than_a_read_is_read(skips_gaps: bool) -> None:
    (fetch,) = planned(NEIGHBOURS, skips_gaps=skips_gaps)
    assert fetch.ranges == (ByteRange(MIB, 2 * ENTRY + 128 * KIB),)


@pytest.mark.parametrize(
    ("least_bytes", "sizes"),
    [
        pytest.param(0, [1, 1, 1, 1, 1], id="each alone"),
        pytest.param(2 * ENTRY, [2, 2, 1], id="as many as it takes"),
        pytest.param(MIB, [5], id="all of them"),
    ],
)
def test_small_reads_are_made_together(least_bytes: int, sizes: list[int]) -> None:
    fetches = planned(APART, skips_gaps=False)
    batches = list(in_batches(fetches, least_bytes))
    assert [len(batch) for batch in batches] == sizes
    assert [fetch for batch in batches for fetch in batch] == fetches


def test_only_a_storage_near_by_skips(tmp_path: Path) -> None:
    near = FolderStorage(tmp_path)
    assert reads_in_place(near)
    assert not reads_in_place(SlowStorage(near, Distance(0.02)))


@pytest.mark.parametrize("skips_gaps", [True, False])
@pytest.mark.parametrize("window_bytes", [None, 16 * KIB, 64 * KIB, 2 * MIB])
def test_every_entry_of_a_read_has_its_bytes(
    tmp_path: Path, skips_gaps: bool, window_bytes: int | None
) -> None:
    contents = random.Random(1).randbytes(30 * MIB)
    storage = FolderStorage(tmp_path)
    storage.put(PACK.name, contents)
    entries = sorted(APART + NEIGHBOURS[1:], key=lambda entry: entry.offset)
    for fetch in planned(entries, skips_gaps=skips_gaps):
        window = None if window_bytes is None else memoryview(bytearray(window_bytes))
        with PackBytes(storage, fetch, window) as pack:
            for one in fetch.wanted:
                place = one.location
                read = pack.at(place.offset, place.stored_length)
                assert read == contents[place.offset : place.offset + place.stored_length]


@pytest.mark.parametrize("window_bytes", [64 * KIB, 2 * MIB])
def test_nothing_between_the_ranges_of_a_read_is_read(window_bytes: int) -> None:
    storage = CountedReads()
    storage.put(PACK.name, bytes(30 * MIB))
    (fetch,) = planned(APART, skips_gaps=True)
    with PackBytes(storage, fetch, memoryview(bytearray(window_bytes))) as pack:
        for one in fetch.wanted:
            assert len(pack.at(one.location.offset, one.location.stored_length)) == ENTRY
    assert storage.read_bytes == len(APART) * ENTRY


def test_entries_behind_the_end_of_a_pack_and_of_no_length_are_empty() -> None:
    storage = MemoryStorage()
    storage.put(PACK.name, bytes(2 * MIB))
    fetch = Fetch(
        PACK, (), (ByteRange(MIB, ENTRY), ByteRange(3 * MIB, ENTRY), ByteRange(9 * MIB, 0))
    )
    with PackBytes(storage, fetch, memoryview(bytearray(ENTRY))) as pack:
        assert pack.at(MIB, ENTRY) == bytes(ENTRY)
        assert len(pack.at(3 * MIB, ENTRY)) == 0
        assert len(pack.at(9 * MIB, 0)) == 0


def test_a_pack_that_is_gone_is_missing() -> None:
    (fetch,) = planned(NEIGHBOURS, skips_gaps=True)
    with PackBytes(MemoryStorage(), fetch) as pack, pytest.raises(Missing, match="is missing"):
        pack.at(MIB, ENTRY)
