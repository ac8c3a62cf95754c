"""Sessions that are stopped, and sessions that wait for others."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from kyanite.base.errors import Cancelled, Denied, Transient
from kyanite.base.json_types import JsonObject, JsonValue, as_int
from kyanite.db.database import Database
from kyanite.durable.children import Child
from kyanite.durable.context import JobContext
from kyanite.durable.results import ItemResource
from kyanite.durable.session_tables import ItemRunRow
from kyanite.durable.start import NewSession, start_session
from kyanite.durable.stop import stop_session
from kyanite.rules.sessions import SessionStatus
from support.jobs import (
    carrying_out,
    job_result,
    read_log,
    read_session,
    start,
    wait_until_final,
)
from support.waiting import eventually


def machine(number: int) -> ItemResource:
    return ItemResource(id=f"m{number}", name=f"vm-{number}")


@pytest.mark.measured
def test_stopping_ends_what_is_at_work_and_begins_nothing_more(database: Database) -> None:
    begun: list[JsonValue] = []
    cleaned: list[JsonValue] = []

    def parent(ctx: JobContext, payload: JsonObject) -> JsonValue:
        children = [Child(str(n), "child", {"n": n}, limit_key="r", limit=1) for n in range(3)]
        ctx.children(children)
        raise AssertionError("children() raises when the session is stopped")

    def child(ctx: JobContext, payload: JsonObject) -> JsonValue:
        begun.append(payload["n"])
        ctx.item(machine(as_int(payload["n"])))
        ctx.log("Copying", SessionStatus.RUNNING)
        try:
            while True:
                ctx.check()
                ctx.pause(0.01)
        except Cancelled:
            with ctx.uninterrupted():
                ctx.check()
                ctx.step("clean", lambda: cleaned.append(payload["n"]))
            raise

    with carrying_out(database, {"parent": parent, "child": child}):
        session_id = start(database, "parent")
        eventually(lambda: begun)
        with database.writing() as db:
            assert stop_session(db, session_id) is SessionStatus.CANCELING
            assert stop_session(db, session_id) is SessionStatus.CANCELING
        assert wait_until_final(database, session_id, within_seconds=5) == "Canceled"
    assert begun == cleaned == [0]
    assert ("Canceled", "Copying") in read_log(database, session_id)
    with database.writing() as db:
        assert stop_session(db, session_id) is SessionStatus.CANCELED
        runs = db.execute(select(ItemRunRow.status)).scalars().all()
    assert runs == ["Canceled"]


def test_a_session_stopped_before_it_begins_never_begins(sqlite_database: Database) -> None:
    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        raise AssertionError("never called")

    session_id = start(sqlite_database, "job")
    with sqlite_database.writing() as db:
        stop_session(db, session_id)
    with carrying_out(sqlite_database, {"job": job}):
        assert wait_until_final(sqlite_database, session_id) == "Canceled"
    assert read_session(sqlite_database, session_id).started_at is None


def test_a_held_session_begins_when_released_with_what_it_was_given(database: Database) -> None:
    def first(ctx: JobContext, payload: JsonObject) -> JsonValue:
        with ctx.transaction() as db:
            assert ctx.release(db, str(payload["next"]), {"snapshots": [1, 2]})
        return None

    def second(ctx: JobContext, payload: JsonObject) -> JsonValue:
        return dict(payload)

    with carrying_out(database, {"first": first, "second": second}):
        with database.writing() as db:
            snapshot = start_session(db, NewSession("PolicySnapshot", "first", {"next": "backup"}))
            start_session(
                db,
                NewSession(
                    "PolicyBackup", "second", {"a": 1}, held_by=snapshot, session_id="backup"
                ),
            )
        assert wait_until_final(database, "backup") == "Success"
    with database.reading() as db:
        assert job_result(db, "backup") == {"a": 1, "snapshots": [1, 2]}


@pytest.mark.parametrize(("ending", "expected"), [("fail", "Error"), ("stop", "Canceled")])
def test_a_held_session_ends_with_the_one_that_never_released_it(
    sqlite_database: Database, ending: str, expected: str
) -> None:
    def first(ctx: JobContext, payload: JsonObject) -> JsonValue:
        raise Denied("no snapshots") if ending == "fail" else Cancelled("stopped")

    with carrying_out(sqlite_database, {"first": first}):
        with sqlite_database.writing() as db:
            holder = start_session(db, NewSession("PolicySnapshot", "first"))
            held = start_session(db, NewSession("PolicyBackup", "second", held_by=holder))
        assert wait_until_final(sqlite_database, held) == expected
        assert read_session(sqlite_database, holder).status == expected


def test_stopping_a_held_session_ends_it_at_once(sqlite_database: Database) -> None:
    with sqlite_database.writing() as db:
        holder = start_session(db, NewSession("PolicySnapshot", "first"))
        held = start_session(db, NewSession("PolicyBackup", "second", held_by=holder))
        assert stop_session(db, held) is SessionStatus.CANCELED


@pytest.mark.measured
def test_a_session_that_waits_for_a_retry_stops_at_once(database: Database) -> None:
    failed = threading.Event()
    cleaned: list[int] = []

    def parent(ctx: JobContext, payload: JsonObject) -> JsonValue:
        ctx.children([Child("a", "child")])
        return None

    def child(ctx: JobContext, payload: JsonObject) -> JsonValue:
        try:
            ctx.check()
        except Cancelled:
            cleaned.append(ctx.epoch)
            raise
        failed.set()
        raise Transient("Azure closed the connection")

    with carrying_out(database, {"parent": parent, "child": child}):
        session_id = start(database, "parent")
        assert failed.wait(20)
        eventually(lambda: any(status == "Warning" for status, _ in read_log(database, session_id)))
        with database.writing() as db:
            stop_session(db, session_id)
        assert wait_until_final(database, session_id, within_seconds=4) == "Canceled"
    assert cleaned == [3]


def test_work_done_at_once_keeps_its_order_and_is_as_deaf_to_a_stop_as_its_caller(
    database: Database,
) -> None:
    done: list[JsonValue] = []

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        with database.writing() as db:
            stop_session(db, ctx.session_id)
        eventually(lambda: ctx.stopping)

        def checked(number: int) -> int:
            ctx.check()
            return number

        with ctx.uninterrupted():
            done.extend(ctx.at_once(checked, range(5)))
        ctx.at_once(checked, range(5))
        raise AssertionError("outside of the block the stop is heard")

    with carrying_out(database, {"parent": job}):
        session_id = start(database, "parent")
        wait_until_final(database, session_id)
    assert done == [0, 1, 2, 3, 4]
    assert read_session(database, session_id).status == SessionStatus.CANCELED
