"""Storing how an attempt ended: job, items, log and session in one transaction."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.base.clock import SystemClock
from kyanite.base.json_types import JsonValue
from kyanite.durable.claim import Claim
from kyanite.durable.context import JobContext
from kyanite.durable.ending import end_session
from kyanite.durable.job_tables import JobRow, JobState
from kyanite.durable.results import end_run
from kyanite.durable.session_log import (
    close_open_lines,
    line_key,
    mark_session,
    write_line,
)
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.takeover import requeue
from kyanite.rules.sessions import SessionStatus, sources_of


def finish_done(context: JobContext, claim: Claim, result: JsonValue) -> None:
    """The job function returned. A session that was to stop is ``Canceled`` nevertheless."""
    _flush(context)
    with context.transaction() as db:
        _end_items(context, db, SessionStatus.SUCCESS, None)
        _end_job(context, db, JobState.DONE, result=result)
        _close_lines(context, db, SessionStatus.SUCCESS)
        if not claim.is_child:
            end_session(db, context.session_id)


def finish_failed(context: JobContext, claim: Claim, message: str) -> None:
    """The job function raised. Its items fail; without items the session itself does."""
    _flush(context)
    with context.transaction() as db:
        _write_reason(context, db, message)
        _end_items(context, db, SessionStatus.ERROR, message)
        _close_lines(context, db, SessionStatus.ERROR)
        _end_job(context, db, JobState.FAILED, error=message)
        if not claim.is_child:
            end_session(db, context.session_id, SessionStatus.ERROR)


def finish_cancelled(context: JobContext, claim: Claim) -> None:
    """The job stopped on request, and has cleaned up."""
    _flush(context)
    with context.transaction() as db:
        _end_items(context, db, SessionStatus.CANCELED, None)
        _close_lines(context, db, SessionStatus.CANCELED)
        _end_job(context, db, JobState.CANCELLED)
        if not claim.is_child:
            session = db.execute(
                select(SessionRow).where(SessionRow.id == context.session_id).with_for_update()
            ).scalar_one()
            if session.status in sources_of(SessionStatus.CANCELING):
                session.status = SessionStatus.CANCELING
            end_session(db, context.session_id, SessionStatus.CANCELED)


def finish_retry(context: JobContext, claim: Claim, after_seconds: float, message: str) -> None:
    """The job is done again in a while, from its last stored step."""
    _flush(context)
    with context.transaction() as db:
        write_line(
            db,
            context.session_id,
            key=line_key(context.job_id, "retry", str(claim.retries)),
            status=SessionStatus.WARNING,
            message=f"{message}. Trying again in {after_seconds:.0f} s",
            resource_id=_resource(context),
            job_id=context.job_id,
            marks=False,
        )
        job = db.get_one(JobRow, context.job_id)
        job.retries += 1
        requeue(db, job, delay_seconds=after_seconds)


def _flush(context: JobContext) -> None:
    for item in context.items:
        item.flush()


def _end_job(
    context: JobContext,
    db: Session,
    state: JobState,
    *,
    result: JsonValue = None,
    error: str | None = None,
) -> None:
    job = db.get_one(JobRow, context.job_id)
    job.state = state
    job.result = result
    job.error = error
    job.finished_at = SystemClock().now()
    db.flush()


def _end_items(context: JobContext, db: Session, status: SessionStatus, error: str | None) -> None:
    for item in context.items:
        end_run(db, item.item_id, item.attempt, status, error)
        mark_session(db, context.session_id, status, lasting=False)


def _close_lines(context: JobContext, db: Session, status: SessionStatus) -> None:
    close_open_lines(db, context.session_id, status, SystemClock().now(), job_id=context.job_id)


def _write_reason(context: JobContext, db: Session, message: str) -> None:
    write_line(
        db,
        context.session_id,
        key=line_key(context.job_id, "failed"),
        status=SessionStatus.ERROR,
        message=message[:1].upper() + message[1:],
        resource_id=_resource(context),
        job_id=context.job_id,
    )


def _resource(context: JobContext) -> str | None:
    return context.items[-1].resource_id if context.items else None
