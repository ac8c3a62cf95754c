"""Running jobs inside a test process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.base.clock import Clock
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.db.database import Database
from kyanite.durable.context import JobContext
from kyanite.durable.job_tables import JobRow
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.lease import Timing
from kyanite.durable.runtime import Runtime
from kyanite.durable.session_tables import LogRow, SessionRow
from kyanite.durable.start import NewSession, start_session
from kyanite.rules.sessions import FINAL
from support.waiting import eventually

Function = Callable[[JobContext, JsonObject], JsonValue]

# Short, so that tests of takeovers are; long enough for a busy machine.
QUICK = Timing(beat_seconds=0.3, silent_beats=10, margin_seconds=0.5)


@contextmanager
def carrying_out(
    database: Database,
    functions: Mapping[str, Function],
    provided: Mapping[type, object] | None = None,
    clock: Clock | None = None,
) -> Iterator[Runtime]:
    """A runtime that knows ``functions``, for the length of the block."""
    registry = JobRegistry()
    for kind, function in functions.items():
        registry.add(kind, function)
    runtime = Runtime(database, registry, timing=QUICK, provided=provided, clock=clock)
    runtime.start()
    try:
        yield runtime
    finally:
        runtime.stop(grace_seconds=5)


def start(database: Database, job: str, payload: JsonObject | None = None) -> str:
    """Start a session of some type for the job; returns its id."""
    with database.writing() as db:
        return start_session(db, NewSession("PolicyBackup", job, payload or {}))


def read_session(database: Database, session_id: str) -> SessionRow:
    """The session's row."""
    with database.reading() as db:
        return db.get_one(SessionRow, session_id)


def read_log(database: Database, session_id: str) -> list[tuple[str, str]]:
    """Status and message of the session's lines, in order."""
    with database.reading() as db:
        rows = db.execute(
            select(LogRow.status, LogRow.message)
            .where(LogRow.session_id == session_id)
            .order_by(LogRow.logged_at, LogRow.id)
        )
        return [(row.status, row.message) for row in rows]


def job_result(db: Session, session_id: str) -> JsonValue:
    """What the job of a session answered; ``None`` until it is done."""
    return db.execute(select(JobRow.result).where(JobRow.id == session_id)).scalar_one_or_none()


def wait_for_status(
    database: Database, session_id: str, status: str, *, within_seconds: float = 30
) -> None:
    """Wait until the session has this status."""
    eventually(
        lambda: read_session(database, session_id).status == status,
        within_seconds=within_seconds,
        what=f"session is {status}",
    )


def wait_until_final(database: Database, session_id: str, *, within_seconds: float = 30) -> str:
    """Wait for the end of the session; returns its status."""
    eventually(
        lambda: read_session(database, session_id).status in FINAL,
        within_seconds=within_seconds,
        what="session is final",
    )
    return read_session(database, session_id).status
