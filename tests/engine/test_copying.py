"""Copies of points in another repository: what is there, what it costs, who may give one up."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable

import pytest

from kyanite.base.errors import Damaged, EngineError, StorageError, StorageUnavailable
from kyanite.base.units import KIB
from kyanite.engine.copying import copy_points
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Data, Storage
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.read_back import ReadBackStorage
from kyanite.engine.storage.wrapper import StorageWrapper
from kyanite.engine.verify import Level
from support.engine import ONE_THREAD, back_up_disk, tiny_repository
from support.two_repositories import Pair


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
