"""Locks: what a point needs stays, and can be read back after the worst was done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kyanite.base.errors import (
    Conflict,
    Invalid,
    Locked,
    StorageDenied,
)
from kyanite.base.identifiers import new_id
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.hidden_versions import locked_names
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.lock_needs import STEP, end_of_step
from kyanite.engine.maintenance import Maintenance
from kyanite.engine.repack_rule import Price
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import VersionedStorage
from kyanite.engine.storage.folder_versions import VersionedFolderStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.memory_versions import VersionedMemoryStorage
from kyanite.engine.storage.wrapper import Call, StorageWrapper
from support.engine import (
    CHEAP,
    ONE_THREAD,
    PASSWORD,
    TINY,
    MemoryDisk,
    restored,
)
from support.locked_points import DAY, NOISE, START, LockedPoints
from support.overrun import overrun


def test_everything_a_point_needs_is_locked_and_read_back() -> None:
    scene = LockedPoints()
    scene.back_up()
    second = scene.back_up(1)
    end = START + 20 * DAY
    report = scene.repository.lock(end)
    assert report.drift == ()
    assert report.overwritten == ()
    assert [point.wanted for point in report.points] == [end, end]
    assert [point.protected_until for point in report.points] == [end, end]
    for version in scene.storage.versions(""):
        assert version.locked_until is not None, version.name
        own = version.name.startswith(("points/", "sessions/", "traces/"))
        assert version.locked_until == (end if own else end_of_step(end))
    with pytest.raises(Locked):
        scene.repository.delete_points([second])
    assert scene.repository.locks().points == tuple(
        type(point)(point.session_id, point.label, None, end) for point in report.points
    )


def test_one_point_can_be_locked_and_what_only_others_need_is_not() -> None:
    scene = LockedPoints()
    first = scene.back_up()
    second = scene.back_up(1)
    report = scene.repository.lock(START + 20 * DAY, {first})
    assert [point.protected_until for point in report.points] == [START + 20 * DAY, None]
    locked = locked_names(scene.storage, "packs/", START)
    assert locked == {info.name for info in scene.storage.list(f"packs/{first}/")}
    scene.repository.delete_points([second])
    scene.repository.clean()
    assert [point.session_id for point in scene.repository.points()] == [first]


def test_each_live_pack_is_extended_at_most_once_per_step() -> None:
    scene = LockedPoints()
    extended: Counter[str] = Counter()

    class Watched(StorageWrapper):
        def lock_until(self, name: str, until: datetime) -> None:
            extended[name] += 1
            super().lock_until(name, until)

    days = 95
    for day in range(days):
        scene.back_up(day)
        watched = scene.seen_through(Watched(scene.storage))
        report = watched.lock(scene.clock.now() + 30 * DAY, {scene.last or ""})
        assert report.drift == ()
        scene.clock.advance(DAY)
        if day % 10 == 9:
            for point in scene.repository.points():
                lock = next(one for one in report.points if one.session_id == point.session_id)
                assert lock.protected_until is not None
    most = max(count for name, count in extended.items() if name.startswith("packs/"))
    assert most <= 1 + -(-days * DAY // STEP)
    assert max(extended.values()) <= 1 + -(-days * DAY // STEP)


def test_an_end_of_a_step_is_never_earlier_and_less_than_a_step_later() -> None:
    for hours in range(0, 24 * 70, 7):
        until = START + timedelta(hours=hours)
        assert until <= end_of_step(until) < until + STEP
    assert end_of_step(end_of_step(START)) == end_of_step(START)


def test_the_maintenance_key_is_enough_to_lock() -> None:
    scene = LockedPoints()
    scene.back_up()
    printed = scene.repository.export_maintenance_key()
    service = Maintenance.open_with_maintenance_key(scene.storage, printed, scene.clock)
    assert service.lock(START + DAY).points[0].protected_until == START + DAY


def test_a_lock_that_is_missing_or_too_short_is_reported_as_drift() -> None:
    scene = LockedPoints()
    session_id = scene.back_up()
    forgetting = next(info.name for info in scene.storage.list(f"packs/{session_id}/"))

    class Forgetful(StorageWrapper):
        def lock_until(self, name: str, until: datetime) -> None:
            if name != forgetting:
                super().lock_until(name, until)

    report = scene.seen_through(Forgetful(scene.storage)).lock(START + DAY)
    assert [(one.name, one.found, one.missing) for one in report.drift] == [
        (forgetting, None, False)
    ]
    assert report.points[0].protected_until is None
    scene.storage.delete(forgetting)
    report = scene.repository.lock(START + DAY)
    assert [(one.name[:60], one.missing) for one in report.drift] == [(forgetting[:51] + "…", True)]
    assert report.points[0].protected_until is None


def test_cleaning_leaves_what_is_locked_does_not_try_it_and_takes_it_afterwards() -> None:
    scene = LockedPoints()
    scene.back_up()
    scene.repository.lock(START + 20 * DAY)
    tried: list[str] = []

    class Watched(StorageWrapper):
        def _around(self, call: Call, act: Callable[[], object]) -> object:  # type: ignore[override]
            if call.operation in ("delete", "delete_version"):
                tried.append(call.name)
            return act()

    before = {version.name for version in scene.storage.versions("")}
    # Its session and point are gone all the same: as if they had not been locked.
    for name in (f"sessions/{scene.last}", f"points/{scene.last}", f"traces/{scene.last}"):
        scene.storage._states.pop(name, None)
        scene.storage._objects.pop(name, None)
    scene.seen_through(Watched(scene.storage)).clean()
    locked = locked_names(scene.storage, "", START)
    assert not locked & set(tried)
    assert {name for name in before if name.startswith("packs/")} <= locked
    scene.clock.advance(60 * DAY)
    scene.repository.clean()
    scene.repository.clean()
    left = {version.name.split("/")[0] for version in scene.storage.versions("")}
    assert left == {"keys", "repository", "rings"}


def test_unused_packs_that_are_locked_are_neither_condemned_nor_emptied_until_they_may_go() -> None:
    scene = LockedPoints()
    first, second = scene.back_up(), scene.back_up(1)
    packs = {info.name for info in scene.storage.list("packs/")}
    for name in packs:
        scene.storage.lock_until(name, START + 20 * DAY)
    scene.repository.delete_points([first, second])
    assert not scene.repository.plan_cleaning().unused
    assert len(scene.repository.plan_cleaning().locked) == len(packs)
    report = scene.repository.clean()
    assert (report.locked_packs, report.condemned_packs, report.deleted_packs) == (len(packs), 0, 0)
    assert list(scene.storage.list("condemned/")) == []
    scene.last = None
    again = scene.back_up()  # what is only locked may still be shared: nobody is to delete it
    assert scene.repository.read_point(again).stored_bytes < len(NOISE) // 4
    scene.repository.delete_points([again])
    scene.clock.advance(30 * DAY)
    assert scene.repository.clean().deleted_packs >= len(packs)


def test_a_locked_pack_is_not_repacked() -> None:
    scene = LockedPoints()
    first = scene.back_up()
    scene.back_up(1)
    for info in list(scene.storage.list("packs/")):
        scene.storage.lock_until(info.name, START + 20 * DAY)
    scene.repository.delete_points([first])
    assert scene.repository.repack(Price(gib_month=1000.0, most_live=0.99)).moved_packs == 0
    scene.clock.advance(30 * DAY)
    assert scene.repository.repack(Price(gib_month=1000.0, most_live=0.99)).moved_packs > 0


def test_what_was_deleted_costs_nothing_after_cleaning_and_what_was_overwritten_stays() -> None:
    scene = LockedPoints()
    first = scene.back_up()
    second = scene.back_up(1)
    scene.repository.delete_points([first])
    scene.repository.clean()
    names = [version.name for version in scene.storage.versions("")]
    assert sorted(names) == sorted({info.name for info in scene.storage.list("")})
    victim = next(info.name for info in scene.storage.list(f"packs/{second}/"))
    scene.storage.overwrite(victim, b"garbage")
    scene.repository.clean()
    assert [version.name for version in scene.storage.versions(victim)] == [victim, victim]
    assert victim in scene.repository.locks().overwritten


def test_what_a_point_carries_is_locked_without_being_asked_for() -> None:
    scene = LockedPoints()
    end = START + 12 * DAY
    ticket = scene.repository.open_session(session_id := new_id(), "machine", "label")
    disk = DiskInput("disk", "disk", len(NOISE), MemoryDisk(NOISE), None, None)
    keys = scene.repository.backup_keys(ticket)
    back_up(scene.storage, keys, ticket, [disk], b"", parallelism=ONE_THREAD, lock_until=end)
    (before,) = scene.repository.locks().points
    assert (before.session_id, before.wanted, before.protected_until) == (session_id, end, None)
    assert scene.repository.locks().drift != ()
    report = scene.repository.lock()
    assert report.drift == ()
    assert report.points[0].protected_until == end


def test_what_a_repack_moved_is_locked_for_the_points_that_mean_it() -> None:
    scene = LockedPoints()
    first = scene.back_up()
    for seed in range(4):
        scene.back_up(seed)
    scene.repository.delete_points([first])
    scene.repository.clean()
    assert scene.repository.repack(Price(gib_month=1000.0, most_live=0.99)).moved_packs > 0
    scene.repository.clean()
    end = START + 20 * DAY
    report = scene.repository.lock(end)
    assert report.drift == ()
    assert {point.protected_until for point in report.points} == {end}
    unlocked = {
        version.name for version in scene.storage.versions("packs/") if not version.locked_until
    }
    for name in unlocked:  # nobody needs them: gone, they hurt nobody
        scene.storage.delete(name)
    for point in scene.repository.points():
        assert restored(scene.repository, point) == scene.expected[point.session_id]
    assert scene.repository.lock(end).drift == ()


def test_a_locked_slot_stays_but_a_rotation_retires_it() -> None:
    scene = LockedPoints()
    scene.back_up()
    scene.repository.lock(START + DAY)
    with pytest.raises(Conflict, match="rotate"):
        scene.repository.change_password("new", PASSWORD, CHEAP)
    scene.repository.rotate_keys([NewPassword("newest")], cost=CHEAP)
    for password, opens in ((PASSWORD, False), ("new", False), ("newest", True)):
        assert scene.repository.check_password(password) is opens


def test_a_storage_without_versions_says_what_it_lacks() -> None:
    repository = Repository.create(MemoryStorage(), PASSWORD, TINY, cost=CHEAP)
    with pytest.raises(StorageDenied, match="version-level immutability"):
        repository.lock(datetime.now(UTC) + DAY)
    with pytest.raises(StorageDenied):
        repository.locks()


def test_a_lock_ends_in_the_future() -> None:
    scene = LockedPoints()
    scene.back_up()
    for end in (START, START - DAY, START + 40_000 * DAY):
        with pytest.raises(Invalid):
            scene.repository.lock(end)


@pytest.fixture(params=["memory", "folder"])
def versioned(request: pytest.FixtureRequest, tmp_path: Path) -> VersionedStorage:
    if request.param == "memory":
        return VersionedMemoryStorage()
    return VersionedFolderStorage(tmp_path / "repository")


def test_after_everything_was_overwritten_and_deleted_it_restores_as_of_before(
    versioned: VersionedStorage,
) -> None:
    assert isinstance(versioned, VersionedMemoryStorage | VersionedFolderStorage)
    overrun(versioned, versioned.overwrite)
