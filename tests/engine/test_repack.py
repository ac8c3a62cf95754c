"""Moving what is live out of wasteful packs, beside points, writers and cleaners."""

from __future__ import annotations

import random

import pytest

from kyanite.base.errors import PointVoided
from kyanite.base.identifiers import new_id
from kyanite.base.units import GIB, KIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repack_rule import REPACK_MACHINE, Price
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import MemoryDisk, back_up_disk, restored, tiny_repository

EAGER = Price(gib_month=1000.0, most_live=0.9)
SIZE = 512 * KIB


class Aged:
    """A machine whose first point is gone, so that its packs are half empty."""

    def __init__(self, seed: int = 5) -> None:
        chooser = random.Random(seed)
        self.chooser = chooser
        self.storage = MemoryStorage()
        self.repository = tiny_repository(self.storage)
        self.contents = bytearray(chooser.randbytes(SIZE))
        first = back_up_disk(self.repository, self.contents).point.session_id
        self.parent = first
        self.expected: dict[str, bytes] = {}
        for _ in range(3):
            self.back_up()
        self.repository.delete_points([first])
        self.repository.clean()

    def back_up(self, repository: Repository | None = None) -> str:
        ranges = []
        for at in range(0, SIZE, 64 * KIB):
            offset = at + 4 * KIB * self.chooser.randrange(12)
            self.contents[offset : offset + 16 * KIB] = self.chooser.randbytes(16 * KIB)
            ranges.append(ByteRange(offset, 16 * KIB))
        point = back_up_disk(
            repository or self.repository,
            self.contents,
            parent=self.parent,
            changes=RangeList(ranges),
        ).point
        self.parent = point.session_id
        self.expected[self.parent] = bytes(self.contents)
        return self.parent

    def stored(self) -> int:
        return sum(info.size_bytes for info in self.storage.list("packs/"))

    def check(self) -> None:
        points = {point.session_id: point for point in self.repository.points()}
        assert points.keys() == self.expected.keys()
        for session_id, point in points.items():
            assert restored(self.repository, point) == self.expected[session_id]
        assert self.repository.verify(Level.FULL).damages == ()

    def check_no_junk(self) -> None:
        for session_id in self.repository.open_sessions():
            self.repository.abandon_session(session_id)
        self.repository.delete_points(list(self.expected))
        self.repository.clean()
        self.repository.clean()
        left = {info.name.split("/")[0] for info in self.storage.list("")}
        assert left <= {"keys", "repository", "rings"}


def test_a_repack_and_a_cleaning_give_back_what_is_wasted_and_lose_nothing() -> None:
    aged = Aged()
    before = aged.stored()
    report = aged.repository.repack(EAGER)
    assert report.moved_packs > 2
    assert report.wasted_bytes > 50 * KIB
    aged.check()
    freed = aged.repository.clean().freed_bytes
    assert freed >= report.moved_bytes + report.wasted_bytes - KIB
    assert aged.stored() < before - report.wasted_bytes + 16 * KIB
    aged.check()
    aged.check_no_junk()


def test_points_that_build_on_a_moved_point_restore_and_can_be_moved_again() -> None:
    aged = Aged()
    for _ in range(4):
        aged.repository.repack(EAGER)
        aged.back_up()
        aged.repository.clean()
        oldest = min(aged.expected)
        del aged.expected[oldest]
        aged.repository.delete_points([oldest])
        aged.repository.clean()
        aged.check()
    aged.check_no_junk()


def test_the_keys_for_a_restore_follow_what_was_moved() -> None:
    aged = Aged()
    aged.repository.repack(EAGER)
    aged.repository.clean()
    for session_id, contents in aged.expected.items():
        point = aged.repository.read_point(session_id)
        keys = aged.repository.restore_keys(point, copies=False)
        assert keys == aged.repository.restore_keys(point)  # there is one copy of each chunk
        target = MemoryDisk(bytes(SIZE))
        restore_disk(aged.storage, keys, point, "disk", target)
        assert target.contents == contents


def test_a_second_repack_finds_nothing_to_do() -> None:
    aged = Aged()
    aged.repository.repack(EAGER)
    aged.repository.clean()
    assert aged.repository.repack(EAGER).moved_packs == 0
    aged.repository.clean()
    aged.check()


def test_a_point_that_took_a_dead_chunk_from_an_old_pack_meanwhile_keeps_the_pack() -> None:
    """Dead when the repack looked, taken over by a writer that had not committed yet."""
    aged = Aged()
    dead = aged.repository.points()  # what the first point had is dead now
    assert dead
    first_contents = random.Random(5).randbytes(SIZE)
    session_id = new_id()
    aged.repository.open_session(session_id, "other", "late")
    aged.repository.repack(EAGER)
    late = back_up_disk(
        aged.repository, first_contents, session_id=session_id, machine="other"
    ).point
    assert late.stored_bytes < SIZE // 2  # it shared what is dead
    aged.repository.clean()
    aged.expected[session_id] = first_contents
    aged.check()
    aged.check_no_junk()


def test_a_repack_that_was_given_up_moves_nothing() -> None:
    aged = Aged()

    class Voiding(MemoryStorage):
        def __init__(self) -> None:
            super().__init__()
            self._objects = aged.storage._objects
            self._lock = aged.storage._lock

        def put(self, name: str, data: bytes | bytearray | memoryview) -> None:
            if name.startswith("index/"):
                for one in aged.repository.open_sessions():
                    aged.repository.abandon_session(one)
            super().put(name, data)

    opened = Repository.open_with_master(Voiding(), aged.repository.master_key)
    with pytest.raises(PointVoided):
        opened.repack(EAGER)
    aged.repository.clean()
    aged.check()
    aged.check_no_junk()


def test_a_repack_that_died_is_given_up_by_the_next_one() -> None:
    aged = Aged()
    dead = new_id()
    aged.repository.open_session(dead, REPACK_MACHINE, "repack")
    assert aged.repository.repack(EAGER).moved_packs
    assert aged.repository.open_sessions() == []
    aged.repository.clean()
    aged.check()


def test_the_budget_bounds_a_repack() -> None:
    aged = Aged()
    report = aged.repository.repack(EAGER, budget_bytes=64 * KIB)
    assert 0 < report.moved_bytes <= 64 * KIB
    assert aged.repository.repack(EAGER, budget_bytes=GIB).moved_packs > 0
    aged.repository.clean()
    aged.check()


def test_a_child_of_a_deleted_point_keeps_what_was_moved_out_of_packs_that_it_inherits() -> None:
    """The parent goes while the child writes: for a while no point names the old packs."""
    aged = Aged()
    aged.repository.repack(EAGER)
    aged.repository.clean()  # the old packs are gone, their successors are in use
    child, parent = new_id(), aged.parent

    def orphan() -> None:
        aged.repository.delete_points(list(aged.expected))
        for rules in (None, CleaningRules(ledger_from_points=1, small_packs=0)):
            aged.repository.clean(rules=rules)

    aged.repository.open_session(child, "machine", "child", parent)
    contents = bytearray(aged.contents)
    contents[:4096] = bytes(range(256)) * 16
    frozen = FrozenStorage(aged.storage, 1, meanwhile=orphan)
    back_up_disk(
        aged.repository,
        contents,
        session_id=child,
        parent=parent,
        changes=RangeList([ByteRange(0, 4096)]),
        storage=frozen,
    )
    aged.expected = {child: bytes(contents)}
    aged.repository.clean()
    aged.check()
    aged.check_no_junk()
