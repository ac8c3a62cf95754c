"""What a job function can rely on, carried out by a runtime in this process."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import select

from kyanite.base.errors import Cancelled, Denied, LeaseLost, Transient
from kyanite.base.json_types import JsonObject, JsonValue, as_int
from kyanite.db.database import Database
from kyanite.durable import outcome
from kyanite.durable.children import Child
from kyanite.durable.context import JobContext
from kyanite.durable.job_tables import ExecutorRow, JobRow, StepRow
from kyanite.durable.results import ItemResource
from kyanite.durable.session_tables import ItemRow, ItemRunRow
from kyanite.rules.sessions import SessionStatus
from support.databases import LATER_KINDS
from support.jobs import (
    QUICK,
    carrying_out,
    job_result,
    read_log,
    read_session,
    start,
    wait_for_status,
    wait_until_final,
)
from support.waiting import eventually


def machine(number: int) -> ItemResource:
    return ItemResource(id=f"m{number}", name=f"vm-{number}")


def test_a_session_runs_its_steps_and_ends_with_success(database: Database) -> None:
    def backup(ctx: JobContext, payload: JsonObject) -> JsonValue:
        chosen = ctx.step("choose", lambda: {"machines": payload["machines"]})
        ctx.record("publish", lambda _db: 7)
        with ctx.line("Copying"):
            pass
        return chosen

    with carrying_out(database, {"backup": backup}):
        session_id = start(database, "backup", {"machines": ["a", "b"]})
        assert wait_until_final(database, session_id) == "Success"
    with database.reading() as db:
        assert job_result(db, session_id) == {"machines": ["a", "b"]}
        steps = db.execute(select(StepRow.name, StepRow.result)).all()
    assert sorted(map(tuple, steps)) == [
        ("choose", {"machines": ["a", "b"]}),
        ("publish", 7),
    ]
    session = read_session(database, session_id)
    assert session.started_at is not None
    assert session.finished_at is not None
    assert session.created_at <= session.started_at <= session.finished_at
    assert read_log(database, session_id) == [
        ("Success", "Session started"),
        ("Success", "Copying"),
    ]


@pytest.mark.acceptance("sessions", 2)
def test_one_failing_child_leaves_the_others_alone_and_the_session_ends_with_error(
    database: Database,
) -> None:
    saw_error = threading.Event()

    def parent(ctx: JobContext, payload: JsonObject) -> JsonValue:
        ctx.pending_items([machine(n) for n in range(3)])
        children = [Child(str(n), "child", {"n": n}) for n in range(3)]
        return [outcome.error or outcome.result for outcome in ctx.children(children)]

    def child(ctx: JobContext, payload: JsonObject) -> JsonValue:
        n = as_int(payload["n"])
        ctx.item(machine(n), total_bytes=10).advance(read=5, processed=4, transferred=3)
        if n == 1:
            raise Denied("The account may not read disk d1")
        assert saw_error.wait(20)
        return n

    with carrying_out(database, {"parent": parent, "child": child}):
        session_id = start(database, "parent")
        wait_for_status(database, session_id, "RunningWithError")
        saw_error.set()
        assert wait_until_final(database, session_id) == "Error"
    with database.reading() as db:
        assert job_result(db, session_id) == [0, "The account may not read disk d1", 2]
        runs = db.execute(
            select(ItemRow.name, ItemRunRow.status, ItemRunRow.error, ItemRunRow.read_bytes)
            .join(ItemRunRow, ItemRunRow.item_id == ItemRow.id)
            .order_by(ItemRow.name)
        ).all()
    assert [tuple(run) for run in runs] == [
        ("vm-0", "Success", None, 5),
        ("vm-1", "Error", "The account may not read disk d1", 5),
        ("vm-2", "Success", None, 5),
    ]
    assert ("Error", "The account may not read disk d1") in read_log(database, session_id)


def test_an_item_that_succeeds_at_its_second_attempt_lets_the_session_end_with_success(
    sqlite_database: Database,
) -> None:
    def parent(ctx: JobContext, payload: JsonObject) -> JsonValue:
        first = ctx.children([Child("m.1", "child", {"attempt": 1})])
        assert not first[0].done
        ctx.sleep("pause", 0.01)
        second = ctx.children([Child("m.2", "child", {"attempt": 2})])
        assert second[0].done
        return None

    def child(ctx: JobContext, payload: JsonObject) -> JsonValue:
        ctx.item(machine(1), attempt=as_int(payload["attempt"]))
        if payload["attempt"] == 1:
            raise Denied("not yet")
        return None

    with carrying_out(sqlite_database, {"parent": parent, "child": child}):
        session_id = start(sqlite_database, "parent")
        assert wait_until_final(sqlite_database, session_id) == "Success"


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_children_than_the_limit_are_at_work_at_a_time(
    database: Database, limit: int
) -> None:
    lock = threading.Lock()
    at_work: list[int] = [0]
    most: list[int] = [0]
    full = threading.Barrier(limit)

    def parent(ctx: JobContext, payload: JsonObject) -> JsonValue:
        children = [Child(str(n), "child", limit_key="repository:r", limit=limit) for n in range(2)]
        ctx.children(children)
        return None

    def child(ctx: JobContext, payload: JsonObject) -> JsonValue:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        full.wait(20)  # proves that as many as allowed do run side by side
        with lock:
            at_work[0] -= 1
        return None

    with carrying_out(database, {"parent": parent, "child": child}):
        sessions = [start(database, "parent") for _ in range(2)]
        assert {wait_until_final(database, one) for one in sessions} == {"Success"}
    assert most == [limit]


def test_a_passing_failure_is_retried_from_the_last_stored_step_and_leaves_no_stain(
    sqlite_database: Database,
) -> None:
    called: list[str] = []

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        ctx.step("first", lambda: called.append("first"))
        with ctx.line("Asking Azure"):
            called.append("outside")
            if called.count("outside") == 1:
                raise Transient("Azure closed the connection")
        return None

    with carrying_out(sqlite_database, {"job": job}):
        session_id = start(sqlite_database, "job")
        assert wait_until_final(sqlite_database, session_id) == "Success"
    assert called == ["first", "outside", "outside"]
    log = read_log(sqlite_database, session_id)
    assert ("Warning", "Azure closed the connection. Trying again in 5 s") in log
    assert ("Success", "Asking Azure") in log
    with sqlite_database.reading() as db:
        assert db.execute(select(JobRow.epoch)).scalar_one() == 2


def test_a_result_that_cannot_be_stored_ends_the_session_instead_of_repeating_it(
    sqlite_database: Database,
) -> None:
    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        return b"not JSON"

    with carrying_out(sqlite_database, {"job": job}):
        session_id = start(sqlite_database, "job")
        assert wait_until_final(sqlite_database, session_id) == "Error"


def test_an_unexpected_error_ends_the_session_without_showing_its_text(
    sqlite_database: Database,
) -> None:
    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        raise KeyError("secret value")

    with carrying_out(sqlite_database, {"job": job}):
        session_id = start(sqlite_database, "job")
        assert wait_until_final(sqlite_database, session_id) == "Error"
    messages = [message for _, message in read_log(sqlite_database, session_id)]
    assert any("KeyError" in message for message in messages)
    assert not any("secret" in message for message in messages)


def test_a_kind_of_job_this_build_does_not_know_ends_the_session_with_a_sentence(
    sqlite_database: Database,
) -> None:
    with carrying_out(sqlite_database, {}):
        session_id = start(sqlite_database, "sql.backup")
        assert wait_until_final(sqlite_database, session_id) == "Error"
    assert (
        "Error",
        "This version of Kyanite knows no work of the kind sql.backup",
    ) in read_log(sqlite_database, session_id)


def test_a_job_gets_what_the_appliance_was_wired_with(sqlite_database: Database) -> None:
    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        return as_int(ctx.provided(dict)["answer"])

    with carrying_out(sqlite_database, {"job": job}, provided={dict: {"answer": 42}}):
        session_id = start(sqlite_database, "job")
        wait_until_final(sqlite_database, session_id)
    with sqlite_database.reading() as db:
        assert job_result(db, session_id) == 42


def test_progress_never_shrinks(sqlite_database: Database) -> None:
    seen: list[int] = []

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        item = ctx.item(machine(1), total_bytes=100)
        for read in (60, 20, 80):
            item.set_moved(read=read, processed=read, transferred=read)
            item.flush()
            with ctx.database.reading() as db:
                seen.append(db.execute(select(ItemRunRow.read_bytes)).scalar_one())
        return None

    with carrying_out(sqlite_database, {"job": job}):
        wait_until_final(sqlite_database, start(sqlite_database, "job"))
    assert seen == [60, 60, 80]


def test_a_drained_runtime_leaves_its_work_to_the_next(database: Database) -> None:
    begun = threading.Event()
    go = threading.Event()

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        ctx.step("first", lambda: 1)
        ctx.log("Copying", SessionStatus.RUNNING)
        begun.set()
        while not go.is_set():
            ctx.check()
            ctx.pause(0.01)
        return ctx.epoch

    with carrying_out(database, {"job": job}):
        session_id = start(database, "job")
        assert begun.wait(20)
    assert read_session(database, session_id).status == "Running"
    go.set()
    with carrying_out(database, {"job": job}):
        assert wait_until_final(database, session_id) == "Success"
    with database.reading() as db:
        assert job_result(db, session_id) == 2
    assert read_log(database, session_id) == [
        ("Success", "Session started"),
        ("Success", "Copying"),
    ]


@pytest.mark.parametrize("database_url", LATER_KINDS, indirect=True)
def test_a_job_pauses_and_is_not_repeated_while_the_database_is_busy_for_long(
    database: Database,
) -> None:
    begun, go = threading.Event(), threading.Event()

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        begun.set()
        while not go.is_set():
            ctx.check()
            ctx.pause(0.01)
        return ctx.epoch

    with carrying_out(database, {"job": job}):
        session_id = start(database, "job")
        assert begun.wait(20)
        with database.writing() as db:
            # On SQLite nobody can write meanwhile; on PostgreSQL nobody can beat.
            db.execute(select(ExecutorRow).with_for_update()).all()
            held_until = time.monotonic() + 1.5 * QUICK.lease_seconds
            eventually(lambda: time.monotonic() > held_until)
        go.set()
        assert wait_until_final(database, session_id) == "Success"
    with database.reading() as db:
        assert job_result(db, session_id) == 1


@pytest.mark.parametrize(
    ("error", "retries", "expected"),
    [
        (LeaseLost("x"), 0, outcome.Abandon()),
        (Cancelled("x"), 0, outcome.Cancel()),
        (Transient("x"), 0, outcome.Retry(5.0, "x")),
        (Transient("x"), 2, outcome.Retry(60.0, "x")),
        (Transient("x"), 3, outcome.Fail("x")),
        (Denied("x"), 0, outcome.Fail("x")),
    ],
)
def test_what_an_error_means_for_a_job(
    error: Exception, retries: int, expected: outcome.Decision
) -> None:
    assert outcome.decide(error, retries) == expected
