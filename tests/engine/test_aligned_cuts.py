"""Aligned cuts: every byte comes back, and where a cut falls depends on the content alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB, MIB
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.index import load_index
from kyanite.engine.page_reader import PageReader
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import MemoryDisk, back_up_disk, restored, tiny_repository

BLOCK = 4 * KIB
SMALL = RepositorySettings(
    cut_bytes=40 * KIB,
    cut_least_bytes=8 * KIB,
    cut_most_bytes=96 * KIB,
    pack_bytes=256 * KIB,
    page_span_bytes=MIB,
    inner_fanout=2,
)


def threads(count: int, piece_bytes: int) -> Parallelism:
    return Parallelism(count, 2, 2, piece_bytes, 2, 256 * KIB, 0)


ONE = threads(1, 64 * KIB)


def blocks(chooser: random.Random, count: int) -> bytearray:
    """Blocks of noise, with runs of zeros of all lengths."""
    contents = bytearray()
    while len(contents) < count * BLOCK:
        run = chooser.choice([1, 1, 2, 5, 14, 15, 16, 17, 30, 60])
        zero = chooser.random() < 0.4
        contents += bytes(run * BLOCK) if zero else chooser.randbytes(run * BLOCK)
    return contents[: count * BLOCK]


def listed(repository: Repository, point: Point) -> list[tuple[int, bytes | None]]:
    """Lengths and ids, span by span."""
    keys = repository.restore_keys(point)
    index = load_index(repository.storage, keys.maintenance_key, keys.repository_id)
    reader = PageReader(
        repository.storage,
        index.find_all,
        keys.maintenance_key,
        keys.repository_id,
        keys.id_key,
    )
    return [(e.length, e.chunk_id) for _, list_ in reader.spans(point.disks[0]) for e in list_]


@settings(max_examples=40, deadline=None, print_blob=True)
@given(
    seed=st.integers(0, 2**32),
    tail=st.integers(0, BLOCK - 1),
    count=st.integers(1, 5),
    piece_blocks=st.sampled_from([1, 2, 7, 16, 64]),
)
def test_cuts_depend_neither_on_pieces_nor_on_threads(
    seed: int, tail: int, count: int, piece_blocks: int
) -> None:
    chooser = random.Random(seed)
    contents = blocks(chooser, chooser.randrange(1, 500)) + chooser.randbytes(tail)
    repository = tiny_repository(MemoryStorage(), SMALL)
    first = back_up_disk(repository, contents, parallelism=ONE).point
    second = back_up_disk(
        repository, contents, parallelism=threads(count, piece_blocks * BLOCK)
    ).point
    assert second.disks[0].inner == first.disks[0].inner
    assert restored(repository, second) == contents
    assert repository.verify(Level.FULL).damages == ()


@settings(max_examples=60, deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 4))
def test_an_increment_has_the_list_of_a_full_backup(seed: int, count: int) -> None:
    chooser = random.Random(seed)
    contents = blocks(chooser, chooser.randrange(20, 600))
    repository = tiny_repository(MemoryStorage(), SMALL)
    first = back_up_disk(repository, contents, parallelism=ONE).point
    ranges: list[ByteRange] = []
    for _ in range(chooser.randrange(1, 5)):
        length = chooser.choice([512, BLOCK, 3 * BLOCK, 20 * BLOCK])
        at = chooser.randrange(0, max(1, len(contents) - length), 512)
        new = bytes(length) if chooser.random() < 0.4 else chooser.randbytes(length)
        contents[at : at + length] = new[: len(contents) - at]
        ranges.append(ByteRange(at, length))
    changes = RangeList(ranges).clip(len(contents))
    second = back_up_disk(
        repository,
        contents,
        parent=first.session_id,
        changes=changes,
        parallelism=threads(count, 16 * KIB),
    ).point
    full = back_up_disk(repository, contents, parallelism=ONE).point
    assert restored(repository, second) == contents
    assert listed(repository, second) == listed(repository, full)


@pytest.mark.parametrize("seed", range(6))
def test_a_full_backup_of_allocated_ranges_has_the_list_of_one_that_reads_everything(
    seed: int,
) -> None:
    contents = blocks(random.Random(seed), 700)
    zero = bytes(BLOCK)
    allocated = RangeList(
        ByteRange(at, BLOCK)
        for at in range(0, len(contents), BLOCK)
        if contents[at : at + BLOCK] != zero
    )
    repository = tiny_repository(MemoryStorage(), SMALL)
    part = back_up_disk(repository, contents, allocated=allocated, parallelism=ONE).point
    everything = back_up_disk(repository, contents, parallelism=threads(3, 16 * KIB)).point
    assert part.disks[0].inner == everything.disks[0].inner


@pytest.mark.parametrize("shift_blocks", [1, 3, 16, 77])
def test_content_that_moved_by_whole_blocks_is_found_again(shift_blocks: int) -> None:
    chooser = random.Random(shift_blocks)
    contents = chooser.randbytes(4 * MIB)
    repository = tiny_repository(MemoryStorage(), SMALL)
    first = back_up_disk(repository, contents, machine="a", parallelism=ONE).point
    moved = chooser.randbytes(shift_blocks * BLOCK) + contents
    second = back_up_disk(repository, moved, machine="b", parallelism=ONE).point
    assert first.stored_bytes > 4 * MIB
    # Cuts start anew at each of the four borders of spans, and meet soon after.
    assert second.stored_bytes < shift_blocks * BLOCK + 5 * 4 * 96 * KIB
    assert restored(repository, second) == moved


def test_an_increment_reads_at_most_1_3_times_what_fixed_chunks_of_512_kib_would() -> None:
    chooser = random.Random(11)
    contents = bytearray(chooser.randbytes(48 * MIB))
    changes = RangeList(
        ByteRange(
            chooser.randrange(0, len(contents) - 64 * KIB, BLOCK),
            chooser.choice([BLOCK, BLOCK, 16 * KIB, 64 * KIB]),
        )
        for _ in range(24)
    )
    read = {}
    for kind, size in (("aligned", 320 * KIB), ("fixed", 512 * KIB)):
        chosen = RepositorySettings(cut_kind=kind, cut_bytes=size)
        repository = tiny_repository(MemoryStorage(), chosen)
        local = Parallelism.local()
        first = back_up_disk(repository, contents, parallelism=local).point
        changed = bytearray(contents)
        for item in changes:
            changed[item.offset : item.end] = chooser.randbytes(item.length)
        second = back_up_disk(
            repository, changed, parent=first.session_id, changes=changes, parallelism=local
        ).point
        assert restored(repository, second, local) == changed
        read[kind] = second.read_bytes
    assert read["aligned"] <= 1.3 * read["fixed"]


def test_a_failing_read_ends_the_backup_though_other_threads_wait_for_its_piece() -> None:
    contents = random.Random(2).randbytes(2 * MIB)
    repository = tiny_repository(MemoryStorage(), SMALL)
    ticket = repository.open_session(new_id(), "machine", "label")

    class Broken(MemoryDisk):
        def read_into(self, offset: int, buffer: memoryview) -> None:
            if offset == 512 * KIB:
                raise OSError("the cable is out")
            super().read_into(offset, buffer)

    disk = DiskInput("disk", "disk", len(contents), Broken(contents))
    with pytest.raises(OSError, match="cable"):
        back_up(
            repository.storage,
            repository.backup_keys(ticket),
            ticket,
            [disk],
            b"",
            parallelism=threads(6, 64 * KIB),
        )


class Foreseeing(MemoryDisk):
    """Counts what was read without having been told before."""

    def __init__(self, contents: bytes | bytearray) -> None:
        super().__init__(contents)
        self.expected = RangeList.empty()
        self.unexpected_bytes = 0

    def expect(self, ranges: RangeList) -> None:
        self.expected = self.expected.union(ranges)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        super().read_into(offset, buffer)
        if not self.expected.covers(offset, len(buffer)):
            self.unexpected_bytes += len(buffer)


def test_a_source_is_told_what_an_increment_will_read_around_what_changed() -> None:
    chooser = random.Random(12)
    contents = bytearray(chooser.randbytes(8 * MIB))
    repository = tiny_repository(MemoryStorage(), SMALL)
    first = back_up_disk(repository, contents, parallelism=ONE).point
    places = sorted(chooser.sample(range(0, len(contents), 8 * BLOCK), 30))
    changes = RangeList(ByteRange(place, BLOCK) for place in places)
    for place in places:
        contents[place : place + BLOCK] = chooser.randbytes(BLOCK)
    source = Foreseeing(contents)
    ticket = repository.open_session(new_id(), "machine", "label", first.session_id)
    disk = DiskInput("disk", "disk", len(contents), source, changes=changes)
    point = back_up(
        repository.storage, repository.backup_keys(ticket), ticket, [disk], b"", parallelism=ONE
    ).point
    assert restored(repository, point) == contents
    # Where new cuts do not meet the old ones at once, it reads on, which nobody can foresee.
    assert source.unexpected_bytes < source.read_bytes / 4
    assert changes.data_bytes < source.expected.data_bytes <= source.read_bytes
