"""How sessions end: the final status, the open log lines, and those that wait for them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from kyanite.base.clock import SystemClock
from kyanite.durable.job_tables import OPEN, JobRow, JobState
from kyanite.durable.results import item_results
from kyanite.durable.session_log import close_open_lines, write_line
from kyanite.durable.session_tables import ItemRow, ItemRunRow, SessionRow
from kyanite.rules.sessions import ACTIVE, FINAL, SessionStatus, add_up, final_status

_HELD_MESSAGES: Final = {
    SessionStatus.CANCELED: "Not started, because the session before it was stopped",
    SessionStatus.ERROR: "Not started, because the session before it ended without results",
}


def end_session(db: Session, session_id: str, result: SessionStatus | None = None) -> SessionStatus:
    """End a session with ``result``, or with what its items and lines add up to.

    Changes nothing when it has ended before. Returns its final status.
    """
    row = db.execute(
        select(SessionRow).where(SessionRow.id == session_id).with_for_update()
    ).scalar_one()
    current = SessionStatus(row.status)
    if current in FINAL:
        return current
    if result is None:
        results = item_results(db, session_id)
        result = add_up(results, warned=row.warned, failed=row.failed)
    status = final_status(current, result)
    now = SystemClock().now()
    row.status = status
    row.finished_at = now
    row.exclusive_key = None
    db.flush()
    close_open_lines(db, session_id, status, now)
    _end_open_runs(db, session_id, status)
    _cancel_open_children(db, session_id)
    _end_held_sessions(db, session_id, status)
    return status


def _end_open_runs(db: Session, session_id: str, status: SessionStatus) -> None:
    items = select(ItemRow.id).where(ItemRow.session_id == session_id)
    db.execute(
        update(ItemRunRow)
        .where(ItemRunRow.item_id.in_(items), ItemRunRow.status.in_(ACTIVE))
        .values(status=status, ended_at=SystemClock().now())
        .execution_options(synchronize_session=False)
    )


def _cancel_open_children(db: Session, session_id: str) -> None:
    db.execute(
        update(JobRow)
        .where(
            JobRow.session_id == session_id,
            JobRow.parent_id.is_not(None),
            JobRow.state.in_(OPEN),
        )
        .values(state=JobState.CANCELLED, finished_at=SystemClock().now())
        .execution_options(synchronize_session=False)
    )


def _end_held_sessions(db: Session, session_id: str, status: SessionStatus) -> None:
    """Whoever was to be released by this session, and was not, never will be."""
    held = db.execute(
        select(JobRow.id)
        .join(SessionRow, SessionRow.id == JobRow.session_id)
        .where(SessionRow.held_by == session_id, JobRow.state == JobState.HELD)
    ).scalars()
    for held_id in list(held):
        job = db.execute(select(JobRow).where(JobRow.id == held_id).with_for_update()).scalar_one()
        if job.state != JobState.HELD:
            continue
        result = SessionStatus.CANCELED if status is SessionStatus.CANCELED else SessionStatus.ERROR
        job.state = JobState.CANCELLED
        if result is SessionStatus.CANCELED:
            db.execute(
                update(SessionRow)
                .where(SessionRow.id == held_id)
                .values(status=SessionStatus.CANCELING)
            )
        write_line(db, held_id, key="held", status=result, message=_HELD_MESSAGES[result])
        end_session(db, held_id, result)
