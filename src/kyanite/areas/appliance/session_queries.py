"""What the appliance's own pages read of sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.durable.session_tables import LogRow, SessionRow
from kyanite.rules.sessions import ACTIVE

# A year of sessions has some hundred thousand; they are read a portion at a time.
_ROWS_AT_ONCE: Final = 500


def count_active(db: Session) -> int:
    """How many sessions have not ended; those that wait for their turn too."""
    return db.scalar(select(func.count()).where(SessionRow.status.in_(ACTIVE))) or 0


def begun_between(db: Session, since: datetime, until: datetime) -> Iterator[Sequence[SessionRow]]:
    """Sessions in the order of their begin, in portions; both ends are included."""
    sessions = (
        select(SessionRow)
        .where(SessionRow.began_at.between(since, until))
        .order_by(SessionRow.began_at, SessionRow.id)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    return iter(db.scalars(sessions).partitions())


def log_lines(db: Session, session_ids: Sequence[str]) -> Iterator[LogRow]:
    """The lines of these sessions, oldest first."""
    lines = select(LogRow).where(LogRow.session_id.in_(session_ids))
    return iter(db.scalars(lines.order_by(LogRow.logged_at, LogRow.id)))
