"""What a repository gets every night: verified, healed, cleaned; and what people are told."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import pytest

from kyanite.areas.repositories.upkeep import start_all, start_upkeep
from kyanite.base.clock import ManualClock, SystemClock
from kyanite.base.errors import Conflict
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text
from kyanite.base.units import KIB, MIB
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.timetable import Schedule
from kyanite.engine.point import Point
from kyanite.engine.repository import Repository
from kyanite.rules.schedule import Slot
from support.engine import back_up_disk, restored
from support.jobs import read_log, wait_until_final
from support.repository_parts import REPOSITORIES, RepositoryParts

OWN = "/api/kyanite/v1"
NOISE = random.Random(8).randbytes(300 * KIB)


def looked_after(parts: RepositoryParts, repository: JsonObject) -> tuple[str, str]:
    """Run the job; how the session ended, and its log."""
    with parts.database.writing() as db:
        own = parts.repositories.facts(db, as_text(repository["id"]))
        session_id = start_upkeep(db, own)
    ended = wait_until_final(parts.database, session_id)
    return ended, "\n".join(message for _, message in read_log(parts.database, session_id))


def stored(parts: RepositoryParts, repository: JsonObject) -> tuple[Repository, Point]:
    engine = parts.repositories.open(as_text(repository["id"]))
    return engine, back_up_disk(engine, NOISE).point


def last(parts: RepositoryParts, repository: JsonObject) -> JsonObject:
    return parts.get(f"{OWN}/repositories/{repository['id']}/upkeep")


def test_a_sound_repository_is_verified_cleaned_and_remembered(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    assert last(parts, repository)["finishedAt"] is None
    engine, point = stored(parts, repository)
    engine.delete_points([back_up_disk(engine, b"old" * 50_000).point.session_id])
    ended, log = looked_after(parts, repository)
    assert ended == "Success"
    assert "1 restore points" in log
    found = last(parts, repository)
    assert found["finishedAt"]
    assert (found["damagedObjects"], found["hurtRestorePoints"], found["lostRestorePoints"]) == (
        0,
        0,
        0,
    )
    assert {info.name.split("/")[1] for info in engine.storage.list("packs/")} == {point.session_id}


def test_a_writing_session_that_nobody_ends_is_given_up_after_a_week(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    engine, point = stored(parts, repository)
    now = SystemClock().now()  # as the jobs of these tests have it
    for days in (6, 8):
        clock = ManualClock(now - timedelta(days=days))
        then = Repository.open_with_master(engine.storage, engine.master_key, clock)
        then.open_session(new_id(), "machine", f"{days} days ago")
    assert len(engine.open_sessions()) == 2
    ended, log = looked_after(parts, repository)
    assert ended == "Success"
    assert "1 writing sessions" in log
    (left,) = engine.open_sessions()
    assert left == engine.sessions_opened_before(now)[0]
    assert restored(engine, point) == NOISE


def test_damage_is_said_and_refilled_after_the_next_backup(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    engine, point = stored(parts, repository)
    engine.storage.delete(next(engine.storage.list(f"packs/{point.session_id}/")).name)
    ended, log = looked_after(parts, repository)
    assert ended == "Error"
    assert "1 restore points cannot be restored whole" in log
    assert parts.follower.hurt == [point.session_id]
    assert last(parts, repository)["hurtRestorePoints"] == 1
    again = back_up_disk(engine, NOISE).point  # the machine still has it
    ended, log = looked_after(parts, repository)
    assert ended != "Error", log
    assert parts.follower.hurt == []
    assert last(parts, repository)["hurtRestorePoints"] == 0
    for one in (point, again):
        assert restored(engine, one) == NOISE


def test_a_storage_that_was_set_back_is_noticed_by_who_remembers(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    engine, _ = stored(parts, repository)
    before = {info.name: engine.storage.get(info.name) for info in engine.storage.list("")}
    newer = back_up_disk(engine, NOISE[::-1]).point
    assert looked_after(parts, repository)[0] == "Success"
    for info in list(engine.storage.list("")):  # an older copy of everything is put back
        engine.storage.delete(info.name)
    for name, data in before.items():
        engine.storage.put(name, data)
    ended, log = looked_after(parts, repository)
    assert ended == "Error"
    assert newer.session_id in log
    assert "set back" in log
    assert last(parts, repository)["lostRestorePoints"] == 1
    assert looked_after(parts, repository)[0] == "Success"  # it was said once


def test_verifying_keeps_to_its_bandwidth(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    engine, _ = stored(parts, repository)
    back_up_disk(engine, random.Random(9).randbytes(2 * MIB))
    path = f"{OWN}/settings/repositoryUpkeep"
    wanted = {**parts.get(path), "verifyWithinDays": 1, "verifyMibPerSecond": 1}
    assert parts.call("PUT", path, wanted).json() == wanted
    begun = time.monotonic()
    assert looked_after(parts, repository)[0] == "Success"
    assert time.monotonic() - begun > 1  # more than two MiB, the first for nothing


def test_every_repository_of_ours_gets_one_session_a_night_unless_switched_off(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    schedule = Schedule("repository-upkeep", "repository.upkeep", {})
    slot = Slot(parts.api.clock.now(), frozenset())

    def sessions() -> list[str]:
        with parts.database.writing() as db:
            start_all(db, schedule, slot)
            rows = db.query(SessionRow).filter(SessionRow.type == "HealthCheck")
            return [row.id for row in rows if row.repository_id == repository["id"]]

    (first,) = sessions()
    assert wait_until_final(parts.database, first) == "Success"
    path = f"{OWN}/settings/repositoryUpkeep"
    assert parts.get(path) == {
        "isEnabled": True,
        "verifyWithinDays": 30,
        "repackGibANight": 16,
        "verifyMibPerSecond": None,
    }
    off = {
        "isEnabled": False,
        "verifyWithinDays": 7,
        "repackGibANight": 0,
        "verifyMibPerSecond": 1,
    }
    assert parts.call("PUT", path, off).json() == off
    assert sessions() == [first]
    assert parts.call("PUT", path, {**off, "verifyWithinDays": 0}).status_code == 400
    answer = parts.call("POST", f"{OWN}/repositories/{repository['id']}/upkeep")
    assert answer.status_code == 202
    by_hand = as_text(answer.json()["sessionId"])
    assert wait_until_final(parts.database, by_hand) == "Success"
    assert parts.call("POST", f"{OWN}/repositories/{new_id()}/upkeep").status_code == 404


def test_two_at_a_time_are_refused(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    with parts.database.writing() as db:
        own = parts.repositories.facts(db, as_text(repository["id"]))
        start_upkeep(db, own)
        with pytest.raises(Conflict):
            start_upkeep(db, own)


def test_what_is_remembered_goes_with_the_repository(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    looked_after(parts, repository)
    parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    again = parts.create()
    assert as_list(as_object(parts.get(REPOSITORIES))["results"]) == [again]
    assert last(parts, again)["finishedAt"] is None
