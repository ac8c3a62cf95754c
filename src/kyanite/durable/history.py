"""Closing the days of the past: their sessions are counted once, not with every list.

A day is closed when all sessions that began on it or before have ended. Nothing can begin on it
any more, so its counts change only when sessions are removed, which `recount` follows in the
same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kyanite.db.database import Database
from kyanite.durable.history_tables import DayCountRow, HistoryRow
from kyanite.durable.session_tables import ItemRow, ItemRunRow, SessionRow
from kyanite.rules.sessions import ACTIVE, SUCCEEDED

_ONE: Final = 1
_NOTHING_CLOSED: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks of two processes of one appliance may differ; never by this much.
_MARGIN: Final = timedelta(hours=12)
# So many days in one transaction: a first closing of years must not keep writers waiting.
_DAYS_AT_ONCE: Final = 31


@dataclass(frozen=True)
class Attempts:
    """How many attempts there were, and how many of them succeeded, with warnings or without."""

    all: int
    succeeded: int


def close_days(database: Database, now: datetime) -> None:
    """Count what can be counted for good by now. Several processes may do it at a time."""
    while True:
        with database.writing() as db:
            if not _close_some(db, now):
                return


def recount(db: Session, history: HistoryRow, days: Collection[date]) -> None:
    """Count closed days again, after sessions of theirs were removed in this transaction.

    ``history`` was locked before they were removed (`lock_history`).
    """
    closed = [day for day in days if start_of(day) < history.closed_until]
    for day in closed:
        _count(db, day, day + timedelta(days=1))
    history.version += bool(closed)


def lock_history(db: Session) -> HistoryRow:
    """The history; nobody else changes it until the transaction ends."""
    values = {"id": _ONE, "closed_until": _NOTHING_CLOSED, "version": 0}
    make = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    if db.get(HistoryRow, _ONE) is None:
        db.execute(make(HistoryRow).values(values).on_conflict_do_nothing())
    return db.execute(
        select(HistoryRow).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()


def attempts_by_session_kind(
    db: Session, begin: datetime, before: datetime
) -> Mapping[tuple[str, str], Attempts]:
    """The ended attempts at items that sessions of a time protected, by type and status."""
    succeeded = case((ItemRunRow.status.in_(SUCCEEDED), 1), else_=0)
    rows = db.execute(
        select(SessionRow.type, SessionRow.status, func.count(), func.sum(succeeded))
        .join(ItemRow, and_(ItemRow.session_id == SessionRow.id, ItemRow.kind == "protected"))
        .join(ItemRunRow, ItemRunRow.item_id == ItemRow.id)
        .where(*_began_within(begin, before), ItemRunRow.ended_at.is_not(None))
        .group_by(SessionRow.type, SessionRow.status)
    )
    return {
        (type_name, status): Attempts(number, int(good)) for type_name, status, number, good in rows
    }


def start_of(day: date) -> datetime:
    """The first moment of a day, in UTC."""
    return datetime.combine(day, time.min, UTC)


def _close_some(db: Session, now: datetime) -> bool:
    """Close some more days; False when there is nothing left to close."""
    history = lock_history(db)
    first = db.scalar(select(func.min(SessionRow.began_at)))
    if first is None:
        return False
    at_work = db.scalar(select(func.min(SessionRow.began_at)).where(SessionRow.status.in_(ACTIVE)))
    end = min(now - _MARGIN, at_work or now).astimezone(UTC).date()
    begin = max(history.closed_until, first).astimezone(UTC).date()
    until = min(end, begin + timedelta(days=_DAYS_AT_ONCE))
    if until <= begin:
        return False
    _count(db, begin, until)
    history.closed_until = start_of(until)
    history.version += 1
    return bool(until < end)


def _count(db: Session, begin: date, until: date) -> None:
    """Write the counts of the days from ``begin`` to before ``until``."""
    db.execute(delete(DayCountRow).where(DayCountRow.day >= begin, DayCountRow.day < until))
    day = begin
    while day < until:
        following = day + timedelta(days=1)
        counts = db.execute(
            select(SessionRow.type, SessionRow.status, func.count())
            .where(*_began_within(start_of(day), start_of(following)))
            .group_by(SessionRow.type, SessionRow.status)
        ).all()
        tried = attempts_by_session_kind(db, start_of(day), start_of(following))
        nothing = Attempts(0, 0)
        if counts:
            db.execute(
                insert(DayCountRow),
                [
                    {
                        "day": day,
                        "type": type_name,
                        "status": status,
                        "sessions": number,
                        "attempts": tried.get((type_name, status), nothing).all,
                        "successes": tried.get((type_name, status), nothing).succeeded,
                    }
                    for type_name, status, number in counts
                ],
            )
        day = following


def _began_within(begin: datetime, before: datetime) -> tuple[ColumnElement[bool], ...]:
    return SessionRow.began_at >= begin, SessionRow.began_at < before
