"""Two who want opposite things at the same moment: one right answer each, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from kyanite.base.clock import ManualClock
from kyanite.base.errors import Conflict, NotFound
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.db.database import Database
from kyanite.durable.context import JobContext
from kyanite.durable.job_tables import JobRow
from kyanite.durable.queue import Attempt, queue_of
from kyanite.durable.schedule_tables import FiringRow
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.start import NewSession, running_session, start_session
from kyanite.durable.stop import stop_session
from kyanite.durable.takeover import take_over
from kyanite.durable.timetable import Schedule, ScheduleKind, Timetable, daily_slot
from kyanite.rules.schedule import DailySchedule, Slot
from kyanite.rules.sessions import SessionStatus
from support.jobs import carrying_out, read_session, start, wait_until_final

T = TypeVar("T")
ROUNDS = range(8)


class OwnTables(DeclarativeBase):
    """Not of the product, so not in its migrations."""


class Subject(OwnTables):
    """Something that is worked on and can be deleted, as a policy is."""

    __tablename__ = "race_subjects"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)


def at_once(*acts: Callable[[], T]) -> list[T | Exception]:
    """Call all ``acts`` at the same moment; their answers, or what they raised."""
    barrier = threading.Barrier(len(acts))

    def act_together(act: Callable[[], T]) -> T | Exception:
        barrier.wait(20)
        try:
            return act()
        except (Conflict, NotFound) as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act_together, acts))


def split(answers: Sequence[T | Exception]) -> tuple[list[T], list[Exception]]:
    good = [answer for answer in answers if not isinstance(answer, Exception)]
    return good, [answer for answer in answers if isinstance(answer, Exception)]


def start_on(database: Database, subject: str) -> str:
    with database.writing() as db:
        row = db.get(Subject, subject, with_for_update=True)
        if row is None:
            raise NotFound("there is no such subject")
        return start_session(db, NewSession("PolicyBackup", "job", exclusive_key=subject))


def delete(database: Database, subject: str) -> str:
    with database.writing() as db:
        row = db.get(Subject, subject, with_for_update=True)
        if row is None:
            raise NotFound("there is no such subject")
        running = running_session(db, subject)
        if running is not None:
            raise Conflict("it is being worked on", session_id=running)
        db.delete(row)
        return "deleted"


@pytest.fixture
def subjects(database: Database) -> list[str]:
    OwnTables.metadata.create_all(database.engine)
    names = [f"subject-{number}" for number in ROUNDS]
    with database.writing() as db:
        db.add_all(Subject(id=name) for name in names)
    return names


def test_of_two_starts_one_wins_and_the_other_is_told_which_session_runs(
    database: Database,
) -> None:
    def start_exclusive(key: str) -> str:
        with database.writing() as db:
            return start_session(db, NewSession("PolicyBackup", "job", exclusive_key=key))

    for number in ROUNDS:
        key = f"policy:{number}"
        won, lost = split(at_once(partial(start_exclusive, key), partial(start_exclusive, key)))
        assert len(won) == 1
        (conflict,) = lost
        assert isinstance(conflict, Conflict)
        assert conflict.session_id == won[0]
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(SessionRow)) == len(ROUNDS)
        assert db.scalar(select(func.count()).select_from(JobRow)) == len(ROUNDS)


def test_of_delete_and_start_one_wins_and_the_other_is_refused(
    database: Database, subjects: list[str]
) -> None:
    for subject in subjects:
        won, lost = split(
            at_once(
                partial(start_on, database, subject),
                partial(delete, database, subject),
            )
        )
        assert len(won) == 1
        with database.reading() as db:
            exists = db.get(Subject, subject) is not None
            running = running_session(db, subject)
        if won == ["deleted"]:
            assert isinstance(lost[0], NotFound)
            assert (exists, running) == (False, None)
        else:
            assert isinstance(lost[0], Conflict)
            assert lost[0].session_id == won[0] == running
            assert exists


def test_of_stop_and_finish_one_wins_and_the_status_agrees_with_the_answer(
    database: Database,
) -> None:
    ready: dict[str, threading.Event] = {}
    may_finish: dict[str, threading.Event] = {}

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        ready[ctx.session_id].set()
        may_finish[ctx.session_id].wait(20)
        return None

    with carrying_out(database, {"job": job}):
        for number in ROUNDS:
            session_id = f"session-{number}"
            ready[session_id], may_finish[session_id] = threading.Event(), threading.Event()
            with database.writing() as db:
                start_session(db, NewSession("PolicyBackup", "job", session_id=session_id))
            assert ready[session_id].wait(20)
            answers = at_once(
                partial(_release, may_finish[session_id]),
                partial(_stop, database, session_id),
            )
            final = wait_until_final(database, session_id)
            if answers[1] is SessionStatus.CANCELING:
                assert final == "Canceled"
            else:
                assert answers[1] is SessionStatus.SUCCESS
                assert final == "Success"
            finished_at = read_session(database, session_id).finished_at
            assert _stop(database, session_id) == final
            assert read_session(database, session_id).finished_at == finished_at


def test_two_schedulers_start_a_due_run_once(database: Database) -> None:
    clock = ManualClock(datetime(2026, 3, 2, 1, 30, tzinfo=UTC))

    def fire(db: Session, schedule: Schedule, slot: Slot) -> None:
        start_session(db, NewSession("PolicyBackup", "job", policy_id=schedule.id))

    def scheduler() -> Timetable:
        return Timetable(
            Database(database.url),
            {"daily": ScheduleKind(daily_slot, fire)},
            clock=clock,
            zone=lambda _db: ZoneInfo("UTC"),
        )

    one, other = scheduler(), scheduler()
    spec = DailySchedule(backup_hours=frozenset(range(24))).to_json()
    with database.writing() as db:
        for number in range(5):
            one.put(db, Schedule(f"policy-{number}", "daily", spec))
    for _ in ROUNDS:
        clock.advance(timedelta(hours=1))
        at_once(one.tick, other.tick)
    with database.reading() as db:
        started = db.execute(
            select(SessionRow.policy_id, func.count()).group_by(SessionRow.policy_id)
        ).all()
        firings = db.execute(
            select(FiringRow.outcome, func.count()).group_by(FiringRow.outcome)
        ).all()
    assert sorted(map(tuple, started)) == [(f"policy-{n}", len(ROUNDS)) for n in range(5)]
    assert [tuple(row) for row in firings] == [("fired", 5 * len(ROUNDS))]


def test_of_two_that_take_a_job_over_one_succeeds(database: Database) -> None:
    for _ in ROUNDS:
        session_id = start(database, "job")
        attempt = Attempt(session_id, 1)
        answers = at_once(
            partial(take_over, database, attempt, holder=None),
            partial(take_over, database, attempt, holder=None),
        )
        assert sorted(map(bool, answers)) == [False, True]
        with database.reading() as db:
            assert db.get_one(JobRow, session_id).epoch == 2


def test_nothing_is_queued_when_the_transaction_of_a_start_is_undone(database: Database) -> None:
    class Undone(Exception):
        pass

    def start_and_fail() -> None:
        with database.writing() as db:
            start_session(db, NewSession("PolicyBackup", "job", session_id="s"))
            raise Undone

    with pytest.raises(Undone):
        start_and_fail()
    assert queue_of(database).open_among([Attempt("s", 1)]) == set()
    with database.reading() as db:
        assert db.get(SessionRow, "s") is None


def _release(event: threading.Event) -> SessionStatus | None:
    event.set()
    return None


def _stop(database: Database, session_id: str) -> SessionStatus:
    with database.writing() as db:
        return stop_session(db, session_id)
