"""Claiming a queued attempt: from here on this process holds the job."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.base.clock import SystemClock
from kyanite.base.json_types import JsonObject, as_object
from kyanite.db.database import Database
from kyanite.durable.job_tables import ExecutorRow, JobRow, JobState
from kyanite.durable.lease import ALIVE
from kyanite.durable.queue import Attempt
from kyanite.durable.session_log import line_key, write_line
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.sessions import FINAL, SessionStatus


@dataclass(frozen=True)
class Claim:
    """What the holder of an attempt needs to know about its job."""

    session_id: str
    kind: str
    payload: JsonObject
    retries: int
    is_child: bool
    stopping: bool  # the session was asked to stop
    begun_before: bool  # an earlier attempt may have left something to clean up


def claim(database: Database, attempt: Attempt, executor_id: str) -> Claim | None:
    """Let ``executor_id`` hold the job of ``attempt``.

    ``None`` when the attempt is not the present one, was claimed before, or when the executor
    has been declared dead in the meantime.
    """
    with database.writing_briefly() as db:
        job = db.execute(
            select(JobRow).where(JobRow.id == attempt.job_id).with_for_update()
        ).scalar_one_or_none()
        if job is None or job.epoch != attempt.epoch or job.state != JobState.QUEUED:
            return None
        executor = db.execute(
            select(ExecutorRow.state)
            .where(ExecutorRow.id == executor_id)
            .with_for_update(read=True)
        ).scalar_one_or_none()
        if executor != ALIVE:
            return None
        session = db.execute(
            select(SessionRow).where(SessionRow.id == job.session_id).with_for_update()
        ).scalar_one()
        if session.status in FINAL:
            job.state = JobState.CANCELLED
            return None
        begun_before = job.started_at is not None
        job.state = JobState.RUNNING
        job.holder = executor_id
        job.started_at = job.started_at or SystemClock().now()
        if job.parent_id is None:
            _show_running(db, session)
        return Claim(
            session_id=session.id,
            kind=job.kind,
            payload=as_object(job.payload),
            retries=job.retries,
            is_child=job.parent_id is not None,
            stopping=session.status == SessionStatus.CANCELING,
            begun_before=begun_before,
        )


def _show_running(db: Session, session: SessionRow) -> None:
    """The first attempt of a session's root job shows the session as running."""
    if session.status != SessionStatus.PENDING:
        return
    session.status = SessionStatus.RUNNING
    session.started_at = session.began_at = SystemClock().now()
    db.flush()
    who = f" by {session.initiator}" if session.initiator else ""
    what = f" for policy {session.policy_name}" if session.policy_name else ""
    write_line(
        db,
        session.id,
        key=line_key("started"),
        status=SessionStatus.SUCCESS,
        message=f"Session started{who}{what}",
    )
