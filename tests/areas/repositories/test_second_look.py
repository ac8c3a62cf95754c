"""The repository is right: what is known of it follows, and who does not own it does not write."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.ownership import watched
from kyanite.areas.repositories.rescan import start_rescan
from kyanite.areas.repositories.taking_over import RepositoryTakeOver
from kyanite.base.errors import Conflict, PointVoided, StorageUnavailable
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_object, as_text
from kyanite.base.units import MIB
from kyanite.durable.start import running_session
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.point import Point
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from support.jobs import read_log, wait_until_final
from support.repository_parts import REPOSITORIES, RepositoryParts

ANOTHER = Owner("other-id", "other-name")
A_JOB = uuid.UUID("00000000-0000-4000-8000-000000000000")


class Zeros:
    """A disk nobody has written to."""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Zeros wherever it is asked."""
        del offset
        buffer[:] = bytes(len(buffer))


def of_a_job(name: str) -> str:
    """The id of a writing session that a job opens."""
    return str(uuid.uuid5(A_JOB, name))


def put_point(storage: Storage, engine: Repository, session_id: str) -> Point:
    ticket = engine.open_session(session_id, "machine-1", "web")
    disk = DiskInput("disk-1", "os", MIB, Zeros())
    return back_up(storage, engine.backup_keys(ticket), ticket, [disk], b"{}").point


def rescan(parts: RepositoryParts) -> list[str]:
    """What is done every day and at the start; the lines of its log."""
    with parts.database.writing() as db:
        start_rescan(db)
        session_id = running_session(db, "repository-rescan")
    assert session_id is not None
    assert wait_until_final(parts.database, session_id) == "Success"
    return [message for _, message in read_log(parts.database, session_id)]


def owner_of(parts: RepositoryParts, repository: JsonObject) -> JsonObject:
    shown = parts.get(f"{REPOSITORIES}/{repository['id']}")
    return as_object(shown["repositoryOwnership"])


def give_to(storage: Storage, owner: Owner | None) -> None:
    mark = read_mark(storage)
    assert mark is not None
    write_mark(storage, replace(mark, owner=owner))


def take_over(parts: RepositoryParts, repository_id: str) -> None:
    with parts.database.writing() as db:
        (session_id,) = RepositoryTakeOver().start(db, [repository_id], "admin")
    assert wait_until_final(parts.database, session_id) == "Success"


def test_a_look_at_a_repository_follows_what_is_in_it(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    repository_id = as_text(repository["id"])
    engine, storage = parts.repositories.open(repository_id), parts.storage_of(repository)
    first = put_point(storage, engine, of_a_job("first"))
    rescan(parts)
    assert [point.session_id for point in parts.follower.imported] == [first.session_id]
    second = put_point(storage, engine, of_a_job("second"))
    engine.delete_points([first.session_id])
    at_work, forgotten, by_hand = of_a_job("at work"), of_a_job("forgotten"), new_id()
    for session_id in (at_work, forgotten, by_hand):
        engine.open_session(session_id, "machine-1", "web")
    parts.follower.writing = {at_work}
    objects = {found.name for found in storage.list("")}

    lines = rescan(parts)

    assert parts.follower.imported[-1].session_id == second.session_id
    assert parts.follower.gone == {first.session_id}
    assert set(engine.open_sessions()) == {at_work, by_hand}
    assert objects <= {found.name for found in storage.list("")}, "nothing was deleted"
    said = "\n".join(lines)
    assert "1 restore points were found" in said
    assert "1 restore points are not in it any more" in said
    assert "1 writing sessions that nobody goes on with were ended" in said


def test_in_a_repository_of_another_appliance_a_look_ends_nothing(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    engine = parts.repositories.open(as_text(repository["id"]))
    storage = parts.storage_of(repository)
    engine.open_session(of_a_job("of the other"), "machine-1", "web")
    give_to(storage, ANOTHER)
    rescan(parts)
    assert engine.open_sessions() == [of_a_job("of the other")]
    assert owner_of(parts, repository)["currentOwnerName"] == "other-name"
    give_to(storage, None)
    rescan(parts)
    assert owner_of(parts, repository)["hasAnotherOwner"] is False
    parts.repositories.open_for_writing(as_text(repository["id"]))
    mark = read_mark(storage)
    assert mark is not None
    assert mark.owner is not None, "whoever writes first to what nobody owns becomes its owner"


def test_of_two_that_write_to_what_nobody_owns_the_second_is_refused(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    storage = parts.storage_of(repository)
    give_to(storage, None)
    give_to(storage, ANOTHER)  # it was quicker
    with pytest.raises(Conflict, match="other-name"):
        parts.repositories.open_for_writing(as_text(repository["id"]))


def test_a_writer_from_before_a_take_over_cannot_commit(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    repository_id = as_text(repository["id"])
    engine, storage = parts.repositories.open(repository_id), parts.storage_of(repository)
    give_to(storage, ANOTHER)
    ticket = engine.open_session(new_id(), "machine-1", "web")
    keys = engine.backup_keys(ticket)
    ours = of_a_job("ours")
    engine.open_session(ours, "machine-1", "web")
    parts.follower.writing = {ours}

    take_over(parts, repository_id)

    assert engine.open_sessions() == [ours]
    disk = DiskInput("disk-1", "os", MIB, Zeros())
    with pytest.raises(PointVoided):
        back_up(storage, keys, ticket, [disk], b"{}")
    assert engine.points() == []
    assert owner_of(parts, repository)["hasAnotherOwner"] is False


def test_a_writer_that_begins_after_a_take_over_finds_it(repository_parts: RepositoryParts) -> None:
    """Its session is opened first, then the mark is read: one of the two is always noticed."""
    parts = repository_parts
    repository = parts.create()
    repository_id = as_text(repository["id"])
    engine = parts.repositories.open_for_writing(repository_id)
    give_to(parts.storage_of(repository), ANOTHER)
    engine.open_session(of_a_job("late"), "machine-1", "web")
    with pytest.raises(Conflict, match="other-name"):
        parts.repositories.confirm_ours(repository_id)


def test_a_long_writer_looks_from_time_to_time_and_forgives_a_silent_storage() -> None:
    answers = iter([StorageUnavailable("away"), None, Conflict("it belongs to other-name")])
    checks: list[int] = []

    def look() -> None:
        error = next(answers)
        if error is not None:
            raise error

    check = watched(look, lambda: checks.append(1), seconds=0.0)
    check()
    check()
    with pytest.raises(Conflict):
        check()
    assert len(checks) == 3
    watched(look, lambda: checks.append(1), seconds=60.0)()
    assert len(checks) == 4


def test_a_mark_that_names_nobody_is_claimed_once(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    storage = parts.storage_of(repository)
    before = read_mark(storage)
    assert isinstance(before, Mark)
    give_to(storage, None)
    parts.repositories.confirm_ours(as_text(repository["id"]))
    assert read_mark(storage) == before
