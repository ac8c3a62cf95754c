"""The log of a session: lines that are written once however often the work is repeated."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from kyanite.base.clock import SystemClock
from kyanite.durable.session_tables import LogRow, SessionRow
from kyanite.rules.sessions import ACTIVE, SessionStatus, worsened


def line_key(*parts: str) -> str:
    """The key of a line: the same parts find the same line."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def write_line(
    db: Session,
    session_id: str,
    *,
    key: str,
    status: SessionStatus,
    message: str,
    resource_id: str | None = None,
    job_id: str | None = None,
    marks: bool = True,
) -> None:
    """Write the line ``key``, or bring it up to date when it is there.

    A line keeps its time and place. With ``marks``, a line that ends in ``Warning`` or ``Error``
    shows in the status of the running session; without a resource it counts for its result too.
    """
    now = SystemClock().now()
    row = db.execute(
        select(LogRow).where(LogRow.session_id == session_id, LogRow.key == key)
    ).scalar_one_or_none()
    if row is None:
        row = LogRow(
            session_id=session_id,
            key=key,
            job_id=job_id,
            resource_id=resource_id,
            logged_at=now,
        )
        db.add(row)
    row.status = status
    row.message = message
    row.ended_at = None if status in ACTIVE else now
    db.flush()
    if marks:
        mark_session(db, session_id, status, lasting=resource_id is None)


def mark_session(db: Session, session_id: str, result: SessionStatus, *, lasting: bool) -> None:
    """Show a warning or an error of a part in the status of the running session.

    ``lasting``: it also counts when the session adds up; what concerns one item is counted by
    the item itself, whose next attempt may succeed.
    """
    if result not in (SessionStatus.WARNING, SessionStatus.ERROR):
        return
    row = db.execute(
        select(SessionRow).where(SessionRow.id == session_id).with_for_update()
    ).scalar_one()
    row.status = worsened(SessionStatus(row.status), result)
    if lasting and result is SessionStatus.WARNING:
        row.warned = True
    if lasting and result is SessionStatus.ERROR:
        row.failed = True
    db.flush()


def close_open_lines(
    db: Session,
    session_id: str,
    status: SessionStatus,
    now: datetime,
    *,
    job_id: str | None = None,
) -> None:
    """Lines still shown as running end with ``status``; only those of one job if given."""
    statement = update(LogRow).where(LogRow.session_id == session_id, LogRow.status.in_(ACTIVE))
    if job_id is not None:
        statement = statement.where(LogRow.job_id == job_id)
    db.execute(
        statement.values(status=status, ended_at=now).execution_options(synchronize_session="fetch")
    )
