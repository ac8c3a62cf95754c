"""A process that dies at any write to the storage leaves a readable repository and only junk."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from kyanite.base.errors import StorageUnavailable, UnknownFormat
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import (
    CHEAP,
    PASSWORD,
    TINY,
    back_up_disk,
    disk_contents,
    restored,
    tiny_repository,
)
from support.troubles import Trouble, each_trouble


class History:
    """A machine with a point, another machine with one, and the next backup of the first."""

    def __init__(self) -> None:
        chooser = random.Random(42)
        self.storage = MemoryStorage()
        self.repository = tiny_repository(self.storage)
        contents = bytearray(chooser.randbytes(260 * KIB)) + disk_contents(chooser, 40 * KIB)
        self.parent = back_up_disk(self.repository, contents).point.session_id
        self.expected = {self.parent: bytes(contents)}
        other = contents[: 100 * KIB] + chooser.randbytes(50 * KIB)
        self.other = back_up_disk(self.repository, other, machine="other").point.session_id
        self.expected[self.other] = bytes(other)
        contents[20 * KIB : 220 * KIB] = chooser.randbytes(200 * KIB)
        self.changes = RangeList([ByteRange(20 * KIB, 200 * KIB)])
        self.contents = contents
        self.session_id = new_id()
        self.expected[self.session_id] = bytes(contents)

    def seen_through(self, storage: Storage) -> Repository:
        return Repository.open_with_master(storage, self.repository.master_key)

    def back_up(self, repository: Repository) -> None:
        back_up_disk(
            repository,
            self.contents,
            session_id=self.session_id,
            parent=self.parent,
            changes=self.changes,
        )

    def expire(self, repository: Repository) -> None:
        repository.delete_points([self.parent])
        repository.clean()

    def check(self, *announced: str) -> None:
        """Exactly these points are announced, all are right, and verify finds nothing."""
        assert {point.session_id for point in self.repository.points()} == set(announced)
        self.check_all()

    def check_all(self) -> None:
        for point in self.repository.points():
            assert restored(self.repository, point) == self.expected[point.session_id]
        assert self.repository.verify(Level.FULL).damages == ()

    def check_no_junk(self) -> None:
        """After giving everything up, cleaning finds every object that is not needed."""
        for session_id in self.repository.open_sessions():
            self.repository.abandon_session(session_id)
        self.repository.clean()
        self.repository.delete_points([point.session_id for point in self.repository.points()])
        self.repository.clean()
        left = [info.name for info in self.storage.list("")]
        assert [name.split("/")[0] for name in left] == ["keys", "repository", "rings"]


def each_crash(
    act: Callable[[History, Repository], None], moment: Moment
) -> list[tuple[int, History]]:
    """Histories in which ``act`` died at its first, second, … write, until it gets through."""
    crashed: list[tuple[int, History]] = []
    for number in range(1, 1000):
        history = History()
        faulty = FaultyStorage(history.storage, number, moment)
        try:
            act(history, history.seen_through(faulty))
        except StorageUnavailable:
            crashed.append((number, history))
        else:
            return crashed
    raise AssertionError("the act never ends")


@pytest.mark.parametrize("moment", Moment)
def test_a_backup_of_which_any_single_call_fails_is_resumed(moment: Moment) -> None:
    """The storage goes on answering: what failed once must not pass for done, or for absent."""
    failed = 0
    for number in range(1, 1000):
        history = History()
        faulty = FaultyStorage(history.storage, number, moment, dead=False, operations=ALL_CALLS)
        try:
            history.back_up(history.seen_through(faulty))
        except StorageUnavailable:
            failed += 1
            history.check_all()
            history.back_up(history.repository)
        history.check(history.parent, history.other, history.session_id)
        history.check_no_junk()
        if faulty.seen < number:
            break
    assert failed > 20


@pytest.mark.parametrize("moment", Moment)
def test_a_backup_that_dies_at_any_write_is_resumed_and_sends_nothing_twice(
    moment: Moment,
) -> None:
    crashes = each_crash(History.back_up, moment)
    assert len(crashes) >= 6  # session, packs, segment, point
    for _, history in crashes:
        history.check_all()
        stored = sum(info.size_bytes for info in history.storage.list("packs/"))
        history.back_up(history.repository)
        history.check(history.parent, history.other, history.session_id)
        point = history.repository.read_point(history.session_id)
        now = sum(info.size_bytes for info in history.storage.list("packs/"))
        assert now - stored <= point.transferred_bytes
        history.check_no_junk()


def test_a_backup_that_had_committed_is_found_though_its_parent_is_gone_meanwhile() -> None:
    history = History()
    history.back_up(history.repository)
    history.repository.delete_points([history.parent])
    history.repository.clean()
    history.back_up(history.repository)  # whoever resumes it does not know that it is done
    history.check(history.other, history.session_id)
    history.check_no_junk()


@pytest.mark.parametrize("moment", Moment)
def test_a_backup_that_dies_at_any_write_and_is_given_up_leaves_only_junk(
    moment: Moment,
) -> None:
    for _, history in each_crash(History.back_up, moment):
        given_up = history.repository.abandon_session(history.session_id)
        history.repository.clean()
        announced = [history.parent, history.other]
        if not given_up:
            announced.append(history.session_id)
        history.check(*announced)
        back_up_disk(history.repository, history.contents, session_id=(again := new_id()))
        history.expected[again] = bytes(history.contents)
        history.check(*announced, again)
        history.check_no_junk()


@pytest.mark.parametrize("moment", Moment)
def test_an_expiry_that_dies_at_any_write_loses_no_other_point(moment: Moment) -> None:
    def act(history: History, repository: Repository) -> None:
        history.back_up(history.repository)
        history.expire(repository)

    crashes = each_crash(act, moment)
    assert len(crashes) >= 6  # session, point, list, segment, segments, packs
    for _, history in crashes:
        history.check_all()
        history.expire(history.repository)
        history.check(history.other, history.session_id)
        history.check_no_junk()


@pytest.mark.parametrize("moment", Moment)
def test_giving_up_a_session_that_dies_at_any_write_can_be_repeated(moment: Moment) -> None:
    def act(history: History, repository: Repository) -> None:
        history.repository.open_session(history.session_id, "machine", "label", history.parent)
        repository.abandon_session(history.session_id)
        repository.clean()

    for _, history in each_crash(act, moment):
        history.check(history.parent, history.other)
        history.repository.abandon_session(history.session_id)
        history.repository.clean()
        assert history.repository.open_sessions() == []
        history.check(history.parent, history.other)
        history.check_no_junk()


@each_trouble
def test_an_init_in_trouble_at_any_call_can_be_repeated_or_is_done(trouble: Trouble) -> None:
    failed = 0
    for number in range(1, 100):
        storage = MemoryStorage()
        faulty = trouble.at(storage, number)
        try:
            Repository.create(faulty, PASSWORD, TINY, cost=CHEAP)
        except StorageUnavailable:
            failed += 1
        try:
            repository = Repository.open(storage, PASSWORD)
        except UnknownFormat:
            repository = tiny_repository(storage)
        point = back_up_disk(repository, b"x" * 10000).point
        assert restored(Repository.open(storage, PASSWORD), point) == b"x" * 10000
        repository.clean()
        for prefix in ("keys/", "rings/"):
            assert len(list(storage.list(prefix))) == 1
        if faulty.seen < number:
            break
    assert failed >= 3
