"""Stopping a session on request (docs/behaviour/sessions.md, section 8)."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from kyanite.base.errors import NotFound
from kyanite.durable.ending import end_session
from kyanite.durable.job_tables import JobRow, JobState
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.takeover import hasten
from kyanite.rules.sessions import SessionStatus, sources_of


def stop_session(db: Session, session_id: str) -> SessionStatus:
    """Ask a session to stop, in the caller's transaction; returns its status afterwards.

    A session that has not begun and is held by another one ends ``Canceled`` at once. A final
    one, and one that is being stopped already, stay as they are. Raises `NotFound`.
    """
    # The root job's row first, then its children's, then the session's: the order in which
    # jobs lock them.
    job = db.execute(
        select(JobRow).where(JobRow.id == session_id).with_for_update()
    ).scalar_one_or_none()
    hasten(db, session_id)
    db.execute(
        update(SessionRow)
        .where(
            SessionRow.id == session_id,
            SessionRow.status.in_(sources_of(SessionStatus.CANCELING)),
        )
        .values(status=SessionStatus.CANCELING)
    )
    if job is not None and job.state == JobState.HELD:
        job.state = JobState.CANCELLED
        end_session(db, session_id, SessionStatus.CANCELED)
    status = db.execute(
        select(SessionRow.status).where(SessionRow.id == session_id)
    ).scalar_one_or_none()
    if status is None:
        raise NotFound(f"there is no session {session_id}")
    return SessionStatus(status)
