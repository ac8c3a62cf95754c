"""What goes in comes out: full, incremental, resized, shared, on one and on many threads."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyanite.base.errors import Cancelled, Invalid, Missing, PointVoided
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB, MIB
from kyanite.engine.backup import back_up
from kyanite.engine.control import NoControl
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.restore import restore_disk
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import (
    MemoryDisk,
    back_up_disk,
    change,
    disk_contents,
    restored,
    tiny_repository,
)

MANY_THREADS = Parallelism(6, 2, 3, 16 * KIB, 6, 32 * KIB, 24 * KIB)


@pytest.mark.parametrize("size_bytes", [0, 1, 511, 4096, 64 * KIB, 64 * KIB + 1, 300 * KIB + 512])
def test_a_disk_of_any_size_comes_back(size_bytes: int) -> None:
    repository = tiny_repository(MemoryStorage())
    contents = disk_contents(random.Random(size_bytes), size_bytes)
    result = back_up_disk(repository, contents)
    assert restored(repository, result.point) == contents
    assert repository.read_point(result.point.session_id).recipe == b"the recipe"


@settings(max_examples=60, deadline=None, print_blob=True)
@given(
    seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 400 * KIB), min_size=1, max_size=4)
)
def test_every_point_of_a_chain_comes_back_also_when_the_disk_is_resized(
    seed: int, sizes: list[int]
) -> None:
    chooser = random.Random(seed)
    repository = tiny_repository(MemoryStorage())
    contents = disk_contents(chooser, sizes[0])
    back_up_disk(repository, contents, session_id=(parent := new_id()))
    expected = {parent: bytes(contents)}
    for size in sizes[1:]:
        if size < len(contents):
            del contents[size:]
        else:
            contents += chooser.randbytes(size - len(contents))
        changes = change(chooser, contents)
        threads = chooser.choice([MANY_THREADS, Parallelism(1, 1, 1, 16 * KIB, 1, 64 * KIB, 0)])
        result = back_up_disk(
            repository, contents, parent=parent, changes=changes, parallelism=threads
        )
        assert result.point.kind == "Incremental"
        parent = result.point.session_id
        expected[parent] = bytes(contents)
    for point in repository.points():
        assert restored(repository, point, MANY_THREADS) == expected[point.session_id]
    assert repository.verify(Level.FULL).damages == ()


def test_many_threads_write_and_read_the_same_bytes() -> None:
    contents = disk_contents(random.Random(5), 900 * KIB)
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, contents, parallelism=MANY_THREADS).point
    assert restored(repository, point) == contents
    assert restored(repository, point, MANY_THREADS) == contents
    assert repository.verify(Level.FULL).damages == ()


def test_only_allocated_ranges_are_read_and_zeros_cost_nothing() -> None:
    repository = tiny_repository(MemoryStorage())
    contents = bytearray(512 * KIB)
    contents[100 * KIB : 108 * KIB] = random.Random(1).randbytes(8 * KIB)
    allocated = RangeList([ByteRange(100 * KIB, 8 * KIB), ByteRange(300 * KIB, 64 * KIB)])
    ticket = repository.open_session(new_id(), "machine", "label")
    disk = MemoryDisk(contents)
    result = back_up(
        repository.storage,
        repository.backup_keys(ticket),
        ticket,
        [DiskInput("disk", "disk", len(contents), disk, allocated)],
        b"",
    )
    assert disk.read_bytes == 72 * KIB
    assert 8 * KIB < result.point.stored_bytes < 10 * KIB
    target = MemoryDisk(bytes(len(contents)))
    keys = repository.restore_keys(result.point)
    restore_disk(repository.storage, keys, result.point, "disk", target)
    assert target.contents == contents
    assert sum(length for _, length in target.written) == 8 * KIB


def test_an_increment_reads_only_touched_chunks_and_writes_only_touched_pages() -> None:
    repository = tiny_repository(MemoryStorage())
    contents = bytearray(random.Random(3).randbytes(1024 * KIB))  # 16 leaf pages, 8 inner ones
    first = back_up_disk(repository, contents).point
    contents[500 * KIB : 500 * KIB + 100] = bytes(range(100))
    changes = RangeList([ByteRange(500 * KIB, 100)])
    second = back_up_disk(repository, contents, parent=first.session_id, changes=changes).point
    assert second.read_bytes == 4 * KIB
    same = [a == b for a, b in zip(first.disks[0].inner, second.disks[0].inner, strict=True)]
    assert same.count(False) == 1
    # one chunk, one leaf page of 16 entries, one inner page, a table: nothing else
    assert second.stored_bytes < 4 * KIB + 16 * 36 + 2 * 32 + 700
    assert restored(repository, second) == contents


def test_discarded_ranges_are_not_read() -> None:
    repository = tiny_repository(MemoryStorage())
    contents = bytearray(random.Random(3).randbytes(256 * KIB))
    first = back_up_disk(repository, contents).point
    contents[64 * KIB : 192 * KIB] = bytes(128 * KIB)
    changes = RangeList([ByteRange(64 * KIB, 128 * KIB, zero=True)])
    second = back_up_disk(repository, contents, parent=first.session_id, changes=changes).point
    assert second.read_bytes == 0
    assert restored(repository, second) == contents


def test_equal_chunks_of_different_machines_are_stored_once() -> None:
    storage = CountingStorage(MemoryStorage())
    repository = tiny_repository(storage)
    contents = bytearray(random.Random(8).randbytes(512 * KIB))
    first = back_up_disk(repository, contents, machine="a").point
    contents[:4096] = bytes(reversed(contents[:4096]))
    second = back_up_disk(repository, contents, machine="b").point
    assert first.stored_bytes > 512 * KIB
    assert second.stored_bytes < 12 * KIB
    assert restored(repository, second) == contents


def test_several_disks_are_one_point() -> None:
    repository = tiny_repository(MemoryStorage())
    disks = {name: disk_contents(random.Random(name), 200 * KIB) for name in ("system", "data")}
    ticket = repository.open_session(new_id(), "machine", "label")
    point = back_up(
        repository.storage,
        repository.backup_keys(ticket),
        ticket,
        [DiskInput(name, name, len(c), MemoryDisk(c)) for name, c in disks.items()],
        b"",
    ).point
    for name, contents in disks.items():
        target = MemoryDisk(bytes(len(contents)))
        keys = repository.restore_keys(point, {name}, copies=False)
        assert keys == repository.restore_keys(point, {name})
        restore_disk(repository.storage, keys, point, name, target)
        assert target.contents == contents


def test_a_restore_goes_on_where_it_was_and_tells_the_holes() -> None:
    repository = tiny_repository(MemoryStorage())
    contents = bytearray(256 * KIB)
    contents[: 64 * KIB] = random.Random(1).randbytes(64 * KIB)
    point = back_up_disk(repository, contents).point
    target = MemoryDisk(b"\xff" * len(contents))
    target.contents[: 32 * KIB] = contents[: 32 * KIB]

    def clear(offset: int, length: int) -> None:
        target.contents[offset : offset + length] = bytes(length)

    restore_disk(
        repository.storage,
        repository.restore_keys(point),
        point,
        "disk",
        target,
        already=RangeList([ByteRange(0, 32 * KIB)]),
        holes=clear,
    )
    assert target.contents == contents
    assert min(offset for offset, _ in target.written) == 32 * KIB


class Foreseeing(MemoryDisk):
    """Notes what it was told of and what came without that."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(bytes(size_bytes))
        self.expected = RangeList.empty()
        self.unexpected: list[int] = []

    def expect(self, offset: int, length: int) -> None:
        self.expected = self.expected.union(RangeList([ByteRange(offset, length)]))

    def write(self, offset: int, data: Data) -> None:
        if not self.expected.covers(offset, len(data)):
            self.unexpected.append(offset)
        super().write(offset, data)


def test_a_target_is_told_what_will_be_written_and_nothing_else() -> None:
    contents = disk_contents(random.Random(15), 3 * MIB)
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, contents).point
    part = ByteRange(500 * KIB + 7, 2 * MIB)
    target = Foreseeing(len(contents))
    result = restore_disk(
        *(repository.storage, repository.read_keys, point, "disk", target), within=part
    )
    assert target.contents[part.offset : part.end] == contents[part.offset : part.end]
    assert target.unexpected == []
    assert target.expected.data_bytes == result.written_bytes < part.length


def test_running_a_session_again_after_its_commit_gives_the_same_point() -> None:
    repository = tiny_repository(MemoryStorage())
    contents = disk_contents(random.Random(9), 200 * KIB)
    session_id = new_id()
    first = back_up_disk(repository, contents, session_id=session_id)
    again = back_up_disk(repository, contents, session_id=session_id)
    assert not first.committed_before
    assert again.committed_before
    assert again.point == first.point
    assert len(repository.points()) == 1


def test_a_voided_session_cannot_commit() -> None:
    repository = tiny_repository(MemoryStorage())
    ticket = repository.open_session(session_id := new_id(), "machine", "point")
    assert repository.abandon_session(session_id)
    with pytest.raises(PointVoided):
        back_up_disk(repository, b"x" * 5000, session_id=ticket.session_id)
    repository.clean()
    assert repository.points() == []


def test_a_committed_session_cannot_be_abandoned() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, b"x" * 5000).point
    assert not repository.abandon_session(point.session_id)
    assert repository.points() == [point]


def test_an_increment_on_a_deleted_parent_says_so() -> None:
    repository = tiny_repository(MemoryStorage())
    parent = back_up_disk(repository, b"x" * 5000).point
    ticket = repository.open_session(new_id(), "machine", "next", parent.session_id)
    repository.delete_points([parent.session_id])
    disk = DiskInput("disk", "disk", 5000, MemoryDisk(b"x" * 5000), changes=RangeList.empty())
    with pytest.raises(Missing):
        back_up(repository.storage, repository.backup_keys(ticket), ticket, [disk], b"")
    with pytest.raises(Missing):
        repository.open_session(new_id(), "machine", "next", parent.session_id)


def test_a_disk_named_twice_is_refused() -> None:
    repository = tiny_repository(MemoryStorage())
    ticket = repository.open_session(new_id(), "machine", "label")
    disk = DiskInput("disk", "disk", 10, MemoryDisk(bytes(10)))
    with pytest.raises(Invalid):
        back_up(repository.storage, repository.backup_keys(ticket), ticket, [disk, disk], b"")


class _StopsAfter:
    """Cancels at the n-th check."""

    def __init__(self, checks: int) -> None:
        self.left = checks
        self.processed = 0

    def advance(
        self,
        read: int = 0,  # noqa: ARG002
        processed: int = 0,
        stored: int = 0,  # noqa: ARG002
    ) -> None:
        self.processed += processed

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("Stopped (test).")


def test_a_cancelled_backup_commits_nothing_and_can_be_resumed() -> None:
    storage = CountingStorage(MemoryStorage())
    repository = tiny_repository(storage)
    contents = bytearray(random.Random(4).randbytes(800 * KIB))
    session_id = new_id()
    with pytest.raises(Cancelled):
        back_up_disk(repository, contents, session_id=session_id, control=_StopsAfter(40))
    assert repository.points() == []
    stored_before = sum(info.size_bytes for info in storage.list("packs/"))
    assert stored_before > 0
    result = back_up_disk(repository, contents, session_id=session_id)
    assert restored(repository, result.point) == contents
    # nothing that was stored whole is sent again
    assert result.point.stored_bytes - result.point.transferred_bytes == stored_before


def test_progress_grows_to_what_was_looked_at() -> None:
    repository = tiny_repository(MemoryStorage())
    control = _StopsAfter(10**9)
    point = back_up_disk(repository, bytes(500 * KIB), control=control).point
    assert control.processed == point.processed_bytes == 500 * KIB


class Watch(NoControl):
    """Notes what it is told, and ends the work after so many bytes."""

    def __init__(self, end_after_bytes: int) -> None:
        self.told: list[tuple[int, int, int]] = []
        self._left_bytes = end_after_bytes

    def advance(self, read: int = 0, processed: int = 0, stored: int = 0) -> None:
        self.told.append((read, processed, stored))
        self._left_bytes -= processed

    def check(self) -> None:
        if self._left_bytes <= 0:
            raise Cancelled("The work was stopped.")


def test_a_restore_tells_how_far_it_is_and_stops_in_the_middle_of_a_pack() -> None:
    contents = random.Random(14).randbytes(24 * MIB)
    repository = tiny_repository(MemoryStorage(), RepositorySettings())
    point = back_up_disk(repository, contents).point
    whole_packs = Parallelism(1, 1, 1, MIB, 1, 32 * MIB, 0)
    watch = Watch(64 * MIB)
    target = MemoryDisk(bytes(len(contents)))
    result = restore_disk(
        *(repository.storage, repository.read_keys, point, "disk", target),
        control=watch,
        parallelism=whole_packs,
    )
    assert target.contents == contents
    assert max(processed for _, processed, _ in watch.told) < 9 * MIB
    read, processed, stored = map(sum, zip(*watch.told, strict=True))
    assert processed == stored == len(contents) == result.written_bytes
    assert read == result.read_bytes

    target = MemoryDisk(bytes(len(contents)))
    with pytest.raises(Cancelled):
        restore_disk(
            *(repository.storage, repository.read_keys, point, "disk", target),
            control=Watch(8 * MIB),
            parallelism=whole_packs,
        )
    assert 8 * MIB <= sum(length for _, length in target.written) < 9 * MIB
