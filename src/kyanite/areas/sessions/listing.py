"""Pages of the list of sessions, quick over a history of a million of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, union_all
from sqlalchemy.orm import Session

from kyanite.areas.sessions.day_counts import ClosedDays, Stretch, closed_days, stretches
from kyanite.areas.sessions.filters import SessionFilter, conditions, unindexed
from kyanite.durable.session_tables import SessionRow
from kyanite.http.pages import Found, Paging

_ORDER: Final = (SessionRow.began_at.desc(), SessionRow.id.desc())
# More ids than that are not sent back to the database one by one.
_MOST_IDS: Final = 1000
# So many entries of an index are walked over in some milliseconds.
_FEW: Final = 20_000
# SQLite puts at most 500 selects together.
_MOST_CELLS: Final = 400


@dataclass(frozen=True)
class _Cut:
    """The part of a list that a page is in: between two moments, after skipping some."""

    low: datetime
    high: datetime
    skip: int


def list_sessions(
    db: Session, wanted: SessionFilter, paging: Paging, *, few: int = _FEW
) -> Found[SessionRow]:
    """The sessions of one page, newest first, and how many there are.

    More than ``few`` sessions are not walked over for those of certain types or statuses.
    """
    closed = closed_days(db) if wanted.is_of_days else None
    if closed is not None and 0 <= paging.limit <= _MOST_IDS:
        return _by_days(db, wanted, paging, closed, few)
    limits = conditions(db, wanted)
    total = db.scalar(select(func.count()).select_from(SessionRow).where(*limits)) or 0
    if paging.limit == 0 or paging.offset >= total:
        return Found(total, [])
    if not 0 <= paging.limit <= _MOST_IDS:
        rows = db.scalars(paging.applied(select(SessionRow).where(*limits).order_by(*_ORDER)))
        return Found(total, rows.all())
    # The order is read from an index; what is skipped is not fetched.
    ids = db.scalars(paging.applied(select(SessionRow.id).where(*limits).order_by(*_ORDER)))
    return Found(total, _rows(db, ids.all()))


def sessions_after(
    db: Session, limits: Sequence[ColumnElement[bool]], last: SessionRow | None, at_most: int
) -> Sequence[SessionRow]:
    """The sessions of a list that come after one of them (None: the first ones), newest first."""
    statement = select(SessionRow).where(*limits)
    if last is not None:
        statement = statement.where(
            SessionRow.began_at <= last.began_at,
            (SessionRow.began_at < last.began_at) | (SessionRow.id < last.id),
        )
    return db.scalars(statement.order_by(*_ORDER).limit(at_most)).all()


def _by_days(
    db: Session, wanted: SessionFilter, paging: Paging, closed: ClosedDays, few: int
) -> Found[SessionRow]:
    parts = stretches(db, wanted, closed)
    total = sum(part.sessions for part in parts)
    if paging.limit == 0 or paging.offset >= total:
        return Found(total, [])
    cut = _cut(parts, paging)
    walked = sum(
        number
        for day, number in closed.by_day((), ()).items()
        if cut.low.date() <= day <= cut.high.date()
    )
    ids: Sequence[str] | None = None
    if (wanted.types or wanted.statuses) and walked > few:
        ids = _from_cells(db, wanted, cut, paging.limit, closed)
    if ids is None:
        ids = _from_order(db, wanted, cut, paging.limit)
    return Found(total, _rows(db, ids))


def _from_order(db: Session, wanted: SessionFilter, cut: _Cut, limit: int) -> Sequence[str]:
    """The page by walking over the sessions in order."""
    statement = select(SessionRow.id).where(
        SessionRow.began_at >= cut.low, SessionRow.began_at <= cut.high
    )
    if wanted.types:
        statement = statement.where(unindexed(SessionRow.type).in_(wanted.types))
    if wanted.statuses:
        statement = statement.where(SessionRow.status.in_(wanted.statuses))
    return db.scalars(statement.order_by(*_ORDER).limit(limit).offset(cut.skip)).all()


def _cut(parts: Sequence[Stretch], paging: Paging) -> _Cut:
    """The stretches that the page lies in."""
    passed = 0
    high: datetime | None = None
    skip = 0
    low = parts[-1].low
    for part in parts:
        if high is None and passed + part.sessions > paging.offset:
            high, skip = part.high, paging.offset - passed
        passed += part.sessions
        if high is not None and passed >= paging.offset + paging.limit:
            low = part.low
            break
    assert high is not None, "the page begins before the end of the list"
    return _Cut(low, high, skip)


def _from_cells(
    db: Session, wanted: SessionFilter, cut: _Cut, limit: int, closed: ClosedDays
) -> Sequence[str] | None:
    """The page where few sessions of many are wanted: a bit of each pair of type and status.

    None when there are too many pairs for one statement.
    """
    cells = set(closed.cells(wanted.types, wanted.statuses))
    if cut.high >= closed.until:
        cells |= _open_cells(db, wanted, closed.until)
    if not cells or len(cells) > _MOST_CELLS:
        return None
    at_most = cut.skip + limit
    merged = union_all(*(_cell(cell, cut, at_most) for cell in sorted(cells))).subquery()
    page = select(merged.c.id).order_by(merged.c.began_at.desc(), merged.c.id.desc())
    return db.scalars(page.limit(limit).offset(cut.skip)).all()


def _cell(cell: tuple[str, str], cut: _Cut, at_most: int) -> Select[Any]:
    one = (
        select(SessionRow.id, SessionRow.began_at)
        .where(SessionRow.type == cell[0], SessionRow.status == cell[1])
        .where(SessionRow.began_at >= cut.low, SessionRow.began_at <= cut.high)
        .order_by(*_ORDER)
        .limit(at_most)
        .subquery()
    )
    return select(one.c.id, one.c.began_at)


def _open_cells(db: Session, wanted: SessionFilter, since: datetime) -> set[tuple[str, str]]:
    """The pairs of type and status among the sessions of days that are not closed."""
    # Not in the order of the index of types, which is that of all sessions there are.
    statement = (
        select(unindexed(SessionRow.type), unindexed(SessionRow.status))
        .where(SessionRow.began_at >= since)
        .distinct()
    )
    if wanted.types:
        statement = statement.where(unindexed(SessionRow.type).in_(wanted.types))
    if wanted.statuses:
        statement = statement.where(SessionRow.status.in_(wanted.statuses))
    return {(type_name, status) for type_name, status in db.execute(statement)}


def _rows(db: Session, ids: Sequence[str]) -> list[SessionRow]:
    """The rows of these ids, in this order."""
    found = {row.id: row for row in db.scalars(select(SessionRow).where(SessionRow.id.in_(ids)))}
    return [found[one] for one in ids if one in found]
