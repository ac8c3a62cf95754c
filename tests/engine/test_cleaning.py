"""Cleaning beside writers: frozen, voided, late, and built on deleted parents."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from kyanite.base.errors import Damaged, Missing, PointVoided
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import ObjectInfo
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import back_up_disk, change, disk_contents, restored, tiny_repository

NOISE = random.Random(77).randbytes(400 * KIB)


def _packs(repository: Repository) -> set[str]:
    return {info.name for info in repository.storage.list("packs/")}


def test_deleting_the_only_point_gives_everything_back_in_the_same_call() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point
    repository.delete_points([point.session_id])
    report = repository.clean()
    assert report.freed_bytes == point.stored_bytes
    assert _packs(repository) == set()
    assert list(repository.storage.list("index/")) == []


def test_shared_packs_stay_and_unshared_ones_go() -> None:
    repository = tiny_repository(MemoryStorage())
    first = back_up_disk(repository, NOISE).point
    contents = NOISE[: 300 * KIB] + random.Random(1).randbytes(100 * KIB)
    second = back_up_disk(repository, contents).point
    repository.delete_points([first.session_id])
    report = repository.clean()
    assert 0 < report.freed_bytes < first.stored_bytes
    assert restored(repository, second) == contents
    assert repository.verify(Level.FULL).damages == ()


@pytest.mark.acceptance("virtual-machines", 2)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)], ids=["heads", "anywhere"])
def test_what_is_left_of_a_chain_restores_as_before_whichever_point_goes(
    order: tuple[int, ...],
) -> None:
    """Nothing is merged: each point is complete, so there is no head that must become full."""
    chooser = random.Random(5)
    repository = tiny_repository(MemoryStorage())
    contents = disk_contents(chooser, 300 * KIB)
    ids, expected, changes = [new_id()], {}, None
    for number in range(5):
        parent = ids[-2] if number else None
        back_up_disk(repository, contents, session_id=ids[-1], parent=parent, changes=changes)
        expected[ids[-1]] = bytes(contents)
        changes = change(chooser, contents)
        ids.append(new_id())
    for number in order:
        repository.delete_points([ids[number]])
        repository.clean()
        del expected[ids[number]]
        left = {p.session_id: restored(repository, p) for p in repository.points()}
        assert left == expected
    assert repository.verify(Level.FULL).damages == ()


def test_an_open_session_delays_cleaning_until_it_has_ended() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point
    open_session = new_id()
    repository.open_session(open_session, "other", "label")
    repository.delete_points([point.session_id])
    report = repository.clean()
    assert report.freed_bytes == 0
    assert report.waiting_for == (open_session,)
    assert repository.clean().waiting_for == (open_session,)
    later = new_id()
    repository.open_session(later, "third", "label")  # opened after the condemnation
    back_up_disk(repository, b"abc", session_id=open_session, machine="other")
    report = repository.clean()
    assert report.freed_bytes == point.stored_bytes
    assert report.waiting_for == ()


def test_a_session_that_was_open_before_keeps_what_it_shares() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point
    session_id = new_id()

    def meanwhile() -> None:
        repository.delete_points([point.session_id])
        assert repository.clean().freed_bytes == 0

    # the writer shares everything, and is frozen before its segment, then before its point
    for write in (1, 2):
        storage = FrozenStorage(repository.storage, write, Moment.BEFORE, meanwhile=meanwhile)
        repository.open_session(session_id, "machine", "point")
        back_up_disk(repository, NOISE + b"own", session_id=session_id, storage=storage)
        shared = repository.read_point(session_id)
        repository.clean()
        assert restored(repository, shared) == NOISE + b"own"
        session_id = new_id()
    assert repository.verify(Level.FULL).damages == ()


def test_a_session_that_opens_after_the_condemnation_does_not_share_condemned_packs() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point
    blocker = new_id()
    repository.open_session(blocker, "other", "label")
    repository.delete_points([point.session_id])
    repository.clean()
    again = back_up_disk(repository, NOISE).point
    assert again.stored_bytes >= point.stored_bytes - 100
    repository.abandon_session(blocker)
    repository.clean()
    assert restored(repository, again) == NOISE
    assert repository.verify(Level.FULL).damages == ()
    repository.delete_points([again.session_id])
    repository.clean()
    assert _packs(repository) == set()


@pytest.mark.parametrize("write", range(1, 12))
@pytest.mark.parametrize("moment", Moment)
def test_a_writer_frozen_at_any_write_and_voided_can_never_commit(
    write: int, moment: Moment
) -> None:
    repository = tiny_repository(MemoryStorage())
    old = back_up_disk(repository, NOISE).point
    session_id = new_id()
    repository.open_session(session_id, "machine", "point", old.session_id)
    committed: list[bool] = []

    def meanwhile() -> None:
        committed.append(not repository.abandon_session(session_id))
        repository.delete_points([old.session_id])
        repository.clean()
        repository.clean()

    storage = FrozenStorage(repository.storage, write, moment, meanwhile=meanwhile)
    contents = bytearray(NOISE)
    contents[100 * KIB : 220 * KIB] = random.Random(2).randbytes(120 * KIB)
    try:
        point = back_up_disk(
            repository,
            contents,
            session_id=session_id,
            parent=old.session_id,
            changes=RangeList([ByteRange(100 * KIB, 120 * KIB)]),
            storage=storage,
        ).point
    except (PointVoided, Missing):
        assert committed == [False]
        assert repository.points() == []
    else:
        assert committed in ([True], [])  # frozen after the commit, or not at all
        assert restored(repository, point) == contents
    assert repository.verify(Level.FULL).damages == ()
    repository.clean()
    if committed == [False]:
        assert _packs(repository) == set()


def test_a_late_commit_after_the_point_was_deleted_is_not_announced() -> None:
    """The commit of a frozen twin comes after the session's point came and went."""
    repository = tiny_repository(MemoryStorage())
    session_id = new_id()
    repository.open_session(session_id, "machine", "point")

    def meanwhile() -> None:
        back_up_disk(repository, NOISE, session_id=session_id)
        repository.delete_points([session_id])
        repository.clean()

    commit = _writes_of(lambda storage, repo: back_up_disk(repo, NOISE, storage=storage))
    storage = FrozenStorage(repository.storage, commit, Moment.BEFORE, meanwhile=meanwhile)
    ticket_keys = repository.open_session(session_id, "machine", "point")
    with pytest.raises((PointVoided, Missing)):
        back_up_disk(repository, NOISE, session_id=ticket_keys.session_id, storage=storage)
    assert repository.points() == []
    repository.clean()
    assert list(repository.storage.list("points/")) == []
    assert _packs(repository) == set()


def _writes_of(act: Callable[[FaultyStorage, Repository], object]) -> int:
    """How many writes ``act`` does through the storage it is given."""
    repository = tiny_repository(MemoryStorage())
    storage = FaultyStorage(repository.storage, 10**9, Moment.BEFORE)
    act(storage, repository)
    return storage.seen


def test_a_child_registered_before_its_parent_goes_keeps_what_it_inherits() -> None:
    """Condemned while S1 is open; S1 commits; S2 builds on S1's point; that one is deleted."""
    repository = tiny_repository(MemoryStorage())
    base = back_up_disk(repository, NOISE).point
    first, second = new_id(), new_id()
    repository.open_session(first, "machine", "first")

    def condemn() -> None:
        repository.delete_points([base.session_id])
        assert repository.clean().freed_bytes == 0

    storage = FrozenStorage(repository.storage, 1, Moment.BEFORE, meanwhile=condemn)
    back_up_disk(repository, NOISE, session_id=first, storage=storage)

    def orphan() -> None:
        repository.delete_points([first])
        report = repository.clean()
        assert second in report.waiting_for
        assert report.freed_bytes == 0

    repository.open_session(second, "machine", "point", first)
    storage = FrozenStorage(repository.storage, 1, Moment.BEFORE, meanwhile=orphan)
    contents = bytearray(NOISE)
    contents[:5] = b"later"
    point = back_up_disk(
        repository,
        contents,
        session_id=second,
        parent=first,
        changes=RangeList([ByteRange(0, 5)]),
        storage=storage,
    ).point
    repository.clean()
    assert restored(repository, point) == contents
    assert repository.verify(Level.FULL).damages == ()
    repository.delete_points([second])
    repository.clean()
    assert _packs(repository) == set()


@pytest.mark.parametrize("prefix", ["points/", "index/", "packs/", "sessions/"])
def test_cleaning_refuses_when_anything_it_needs_cannot_be_read(prefix: str) -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    doomed = back_up_disk(repository, NOISE[: 64 * KIB], machine="doomed").point
    kept = back_up_disk(repository, NOISE[100 * KIB :], machine="kept").point
    open_session = new_id()
    repository.open_session(open_session, "open", "open", kept.session_id)
    repository.delete_points([doomed.session_id])
    if prefix == "sessions/":
        storage.overwrite(f"sessions/{open_session}", b"rubbish")
    elif prefix == "points/":
        storage.overwrite(f"points/{kept.session_id}", b"rubbish")
    else:
        for info in list(storage.list(prefix)):
            if kept.session_id in info.name or prefix == "index/":
                storage.delete(info.name) if prefix == "packs/" else storage.overwrite(
                    info.name, b"rubbish"
                )
    before = _packs(repository)
    if prefix == "sessions/":
        assert repository.clean().freed_bytes == 0
    else:
        with pytest.raises((Damaged, Missing)):
            repository.clean()
    assert _packs(repository) == before


class _ActsAfterListing(MemoryStorage):
    """Does something at once after the first listing of a prefix, before anything else."""

    def __init__(self, inner: MemoryStorage, prefix: str, act: Callable[[], None]) -> None:
        super().__init__()
        self._objects = inner._objects
        self._lock = inner._lock
        self._prefix = prefix
        self._act: Callable[[], None] | None = act

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = super().list(prefix)
        act = self._act
        if prefix == self._prefix and act is not None:
            self._act = None
            act()
        return found


@pytest.mark.parametrize("prefix", ["packs/", "sessions/", "points/", "index/", "condemned/"])
def test_a_backup_that_comes_and_goes_between_the_listings_of_a_cleaner_is_kept(
    prefix: str,
) -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    doomed = back_up_disk(repository, NOISE[: 100 * KIB], machine="doomed").point
    repository.delete_points([doomed.session_id])
    contents = NOISE[: 60 * KIB] + random.Random(9).randbytes(100 * KIB)
    points = []

    def back_up() -> None:
        points.append(back_up_disk(repository, contents).point)

    watched = _ActsAfterListing(storage, prefix, back_up)
    Repository.open_with_master(watched, repository.master_key).clean()
    repository.clean()
    assert repository.points() == points
    assert restored(repository, points[0]) == contents
    assert repository.verify(Level.FULL).damages == ()


def test_cleaning_bounds_the_number_of_index_segments() -> None:
    repository = tiny_repository(MemoryStorage())
    points = []
    for number in range(30):
        contents = bytearray(random.Random(number).randbytes(40 * KIB))
        points.append((back_up_disk(repository, contents).point, contents))
    assert len(list(repository.storage.list("index/"))) == 30
    repository.clean()
    assert len(list(repository.storage.list("index/"))) == 1
    for point, contents in points:
        assert restored(repository, point) == contents
    assert repository.verify(Level.FULL).damages == ()


def test_a_repository_opens_in_few_round_trips_and_a_backup_writes_little() -> None:
    storage = CountingStorage(MemoryStorage())
    repository = tiny_repository(storage)
    contents = disk_contents(random.Random(1), 300 * KIB)
    parent = back_up_disk(repository, contents).point
    storage.requests.clear()
    Repository.open(storage, "correct horse")
    assert sum(storage.requests.values()) == 5  # settings, slots, rings; then a slot and a ring
    storage.requests.clear()
    contents[0] ^= 1
    back_up_disk(
        repository,
        contents,
        parent=parent.session_id,
        changes=RangeList([ByteRange(0, 1)]),
    )
    assert storage.requests["put"] == 5  # session, pack, segment, point, trace
