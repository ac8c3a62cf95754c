"""Copies of points in another repository: what is there, what it costs, what crashes leave."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from kyanite.base.errors import Damaged, EngineError, StorageError, StorageUnavailable
from kyanite.base.units import KIB
from kyanite.engine.copying import copy_points
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Data, Storage
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.read_back import ReadBackStorage
from kyanite.engine.storage.wrapper import ALL_CALLS, StorageWrapper
from kyanite.engine.verify import Level
from support.engine import ONE_THREAD, TINY, back_up_disk, restored, tiny_repository


class Pair:
    """A repository with two points of a machine and one of another, and an empty one."""

    def __init__(self, size_bytes: int = 200 * KIB) -> None:
        chooser = random.Random(9)
        self.source_storage = MemoryStorage()
        self.source = tiny_repository(self.source_storage)
        self.storage = MemoryStorage()
        self.destination = tiny_repository(self.storage, replace(TINY, cut_bytes=8 * KIB))
        contents = bytearray(chooser.randbytes(size_bytes)) + bytes(64 * KIB)
        first = back_up_disk(self.source, contents, label="monday", recipe=b"one").point
        self.expected = {first.session_id: bytes(contents)}
        contents[10 * KIB : 20 * KIB] = chooser.randbytes(10 * KIB)
        contents[100 * KIB : 104 * KIB] = bytes(4 * KIB)
        changes = RangeList(
            [ByteRange(10 * KIB, 10 * KIB), ByteRange(100 * KIB, 4 * KIB, zero=True)]
        )
        second = back_up_disk(
            self.source,
            contents,
            label="tuesday",
            parent=first.session_id,
            changes=changes,
            recipe=b"two",
        ).point
        self.expected[second.session_id] = bytes(contents)
        other = contents[: 80 * KIB]
        third = back_up_disk(self.source, other, machine="other", label="other").point
        self.expected[third.session_id] = bytes(other)

    def copy(self, source: Storage | None = None, destination: Storage | None = None) -> None:
        opened = Repository.open_with_master(source or self.source_storage, self.source.master_key)
        there = Repository.open_with_master(
            destination or self.storage, self.destination.master_key
        )
        copy_points(opened, there, opened.points(), parallelism=ONE_THREAD)

    def check(self) -> None:
        """Everything is there, once, and right."""
        originals = self.source.points()
        copies = self.destination.points()
        assert [_facts(one) for one in copies] == [_facts(one) for one in originals]
        for original, copy in zip(originals, copies, strict=True):
            assert restored(self.destination, copy) == self.expected[original.session_id]
        assert self.destination.verify(Level.FULL).damages == ()


def _facts(point: Point) -> tuple[str, str, str, bytes]:
    return point.machine_id, point.label, point.created_at, point.recipe


def test_points_are_copied_under_other_keys_and_only_once() -> None:
    pair = Pair()
    pair.copy()
    pair.check()
    stored = sum(info.size_bytes for info in pair.storage.list("packs/"))
    assert stored < 300 * KIB  # two points and a machine that shares everything
    reading, writing = CountingStorage(pair.source_storage), CountingStorage(pair.storage)
    pair.copy(reading, writing)
    assert writing.requests["put"] == 0
    packs = sum(info.size_bytes for info in pair.source_storage.list("packs/"))
    assert reading.bytes_moved["get_range"] < packs / 10


def test_the_sessions_of_copies_are_none_that_a_job_would_make() -> None:
    """An appliance ends sessions of version 5 that no job of its own goes on with."""
    pair = Pair()
    pair.copy()
    copies = [uuid.UUID(point.session_id) for point in pair.destination.points()]
    assert {(one.version, one.variant) for one in copies} == {(8, uuid.RFC_4122)}


def test_a_further_point_costs_what_differs() -> None:
    pair = Pair()
    pair.copy()
    (second,) = [p for p in pair.source.points() if p.label == "tuesday"]
    contents = bytearray(pair.expected[second.session_id])
    contents[5 * KIB : 9 * KIB] = random.Random(1).randbytes(4 * KIB)
    third = back_up_disk(
        pair.source,
        contents,
        parent=second.session_id,
        changes=RangeList([ByteRange(5 * KIB, 4 * KIB)]),
        label="wednesday",
    ).point
    pair.expected[third.session_id] = bytes(contents)
    reading, writing = CountingStorage(pair.source_storage), CountingStorage(pair.storage)
    pair.copy(reading, writing)
    pair.check()
    assert reading.bytes_moved["get_range"] < 80 * KIB
    assert writing.bytes_moved["put"] < 40 * KIB


def test_damage_in_the_source_is_not_copied() -> None:
    pair = Pair()
    first = next(pair.source_storage.list("packs/"))
    data = bytearray(pair.source_storage.get(first.name))
    data[64 + 10] ^= 1
    pair.source_storage.overwrite(first.name, bytes(data))
    with pytest.raises(Damaged):
        pair.copy()
    assert pair.destination.points() == []
    assert pair.destination.verify(Level.FULL).damages == ()


class _Forgetful(MemoryStorage):
    """Stores one bit of every pack wrongly."""

    def put(self, name: str, data: Data) -> None:
        wrong = bytearray(data)
        if name.startswith("packs/"):
            wrong[100] ^= 1
        super().put(name, bytes(wrong))


def test_what_does_not_arrive_as_it_was_sent_is_noticed_before_the_commit() -> None:
    pair = Pair()
    bad = _Forgetful()
    destination = tiny_repository(bad)
    with pytest.raises(Damaged, match="did not arrive"):
        copy_points(
            pair.source,
            Repository.open_with_master(ReadBackStorage(bad), destination.master_key),
            pair.source.points(),
            parallelism=ONE_THREAD,
        )
    assert destination.points() == []


@pytest.mark.parametrize("moment", Moment)
def test_a_copy_that_dies_at_any_write_goes_on_and_ends_right(moment: Moment) -> None:
    number = 0
    while True:
        number += 1
        pair = Pair(90 * KIB)
        try:
            pair.copy(destination=FaultyStorage(pair.storage, number, moment))
        except StorageUnavailable:
            assert pair.destination.verify(Level.FULL).damages == ()
            pair.copy()
            pair.check()
            assert pair.destination.open_sessions() == []
        else:
            break
    assert number > 10


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize(
    ("step", "moment"),
    [
        (5, Moment.BEFORE),
        pytest.param(1, Moment.BEFORE, marks=pytest.mark.slow),
        pytest.param(1, Moment.AFTER, marks=pytest.mark.slow),
    ],
)
def test_a_copy_goes_on_after_any_single_call_failed(side: str, step: int, moment: Moment) -> None:
    number = 0
    while True:
        number += step
        pair = Pair(60 * KIB)
        inner = pair.source_storage if side == "source" else pair.storage
        faulty = FaultyStorage(inner, number, moment, dead=False, operations=ALL_CALLS)
        try:
            if side == "source":
                pair.copy(source=faulty)
            else:
                pair.copy(destination=faulty)
        except (EngineError, StorageError):
            pair.copy()
        pair.check()
        if faulty.seen < number:
            break


def test_a_copy_that_was_given_up_begins_anew() -> None:
    pair = Pair(90 * KIB)
    with pytest.raises(StorageUnavailable):
        pair.copy(destination=FaultyStorage(pair.storage, 3))
    for session_id in pair.destination.open_sessions():
        pair.destination.abandon_session(session_id)
    pair.destination.clean()
    pair.copy()
    pair.check()


class _Halted(StorageWrapper):
    """Stands still at the first commit until ``go`` is set."""

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner)
        self.stands, self.go = threading.Event(), threading.Event()

    def put(self, name: str, data: Data) -> None:
        if name.startswith("points/") and not self.stands.is_set():
            self.stands.set()
            assert self.go.wait(60)
        super().put(name, data)


class _Releasing(StorageWrapper):
    """Calls back once a session is registered."""

    def __init__(self, inner: Storage, registered: Callable[[], None]) -> None:
        super().__init__(inner)
        self._registered = registered

    def put(self, name: str, data: Data) -> None:
        super().put(name, data)
        if name.startswith("sessions/"):
            self._registered()


def test_a_copy_that_was_given_up_cannot_commit_in_the_session_of_the_next() -> None:
    """It stood still before its commit, while all that it had stored was cleaned away."""
    pair = Pair(90 * KIB)
    halted = _Halted(pair.storage)
    outcome: list[str] = []

    def copy() -> None:
        try:
            pair.copy(destination=halted)
        except (EngineError, StorageError) as error:
            outcome.append(type(error).__name__)
        else:
            outcome.append("done")

    thread = threading.Thread(target=copy)
    thread.start()
    assert halted.stands.wait(60)
    for session_id in pair.destination.open_sessions():
        pair.destination.abandon_session(session_id)
    for _ in range(2):
        pair.destination.clean()
    assert not list(pair.storage.list("sessions/"))

    def wake() -> None:
        halted.go.set()
        thread.join(60)

    pair.copy(destination=_Releasing(pair.storage, wake))
    assert not thread.is_alive()
    pair.check()
    assert outcome == ["done"]  # it has begun anew, or found what the other had made


def test_a_copy_whose_parent_was_deleted_is_made_in_full() -> None:
    pair = Pair(90 * KIB)
    count = 0
    while True:
        count += 1
        pair = Pair(90 * KIB)
        with pytest.raises(StorageUnavailable):
            pair.copy(destination=FaultyStorage(pair.storage, count))
        open_sessions = pair.destination.open_sessions()
        if pair.destination.points() and open_sessions:
            break
    pair.destination.delete_points(p.session_id for p in pair.destination.points())
    pair.destination.clean()
    pair.copy()
    pair.check()
