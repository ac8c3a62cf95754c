"""Removing the records of sessions that are over for long (docs/behaviour/appliance.md, 4).

With a session go its log, its items and its job; what it made stays.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import delete, select

from kyanite.db.database import Database
from kyanite.durable.history import lock_history, recount
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.sessions import FINAL

# A transaction of a moment: a thousand machines may hang on each of them.
_AT_ONCE: Final = 50


def remove_sessions(
    database: Database, ended_before: datetime, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Remove all sessions that ended before a moment; returns how many.

    Asks ``go_on`` before each small portion, so that a shutdown need not wait.
    """
    removed = 0
    while go_on():
        portion = _remove_some(database, ended_before)
        if not portion:
            break
        removed += portion
    return removed


def _remove_some(database: Database, ended_before: datetime) -> int:
    with database.writing() as db:
        history = lock_history(db)
        found = db.execute(
            select(SessionRow.id, SessionRow.began_at)
            .where(SessionRow.finished_at < ended_before, SessionRow.status.in_(FINAL))
            .order_by(SessionRow.finished_at)
            .limit(_AT_ONCE)
        ).all()
        if found:
            db.execute(delete(SessionRow).where(SessionRow.id.in_([row.id for row in found])))
            recount(db, history, {row.began_at.astimezone(UTC).date() for row in found})
        return len(found)
