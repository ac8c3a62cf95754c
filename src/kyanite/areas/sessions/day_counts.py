"""Where a page of a long list of sessions is, by the counts of closed days.

A list may be a million sessions long. Counting them with every page, and walking over those
before the page, would take longer than the page itself. The days that are over are counted
once (`durable/history.py`); what is left to count and to walk over is a day's worth.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.sessions.filters import SessionFilter, unindexed
from kyanite.db.database import Database, database_of
from kyanite.durable.history import start_of
from kyanite.durable.history_tables import DayCountRow, HistoryRow
from kyanite.durable.session_tables import SessionRow

_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)
# Far from the ends of the calendar, where a day more or less is no date any more.
_BEGINNING: Final = datetime(1000, 1, 1, tzinfo=UTC)
_END: Final = datetime(9000, 1, 1, tzinfo=UTC)
_SELECTIONS_KEPT: Final = 64


@dataclass(frozen=True)
class Stretch:
    """A stretch of time, both ends belonging to it, and how many sessions of a list are in it."""

    low: datetime
    high: datetime
    sessions: int


class ClosedDays:
    """The counts of one version of the history."""

    def __init__(
        self, version: int, until: datetime, rows: Iterable[tuple[str, str, date, int]]
    ) -> None:
        self.version = version
        self.until = until
        self._cells: dict[tuple[str, str], dict[date, int]] = {}
        for type_name, status, day, sessions in rows:
            self._cells.setdefault((type_name, status), {})[day] = sessions
        self._selections: OrderedDict[object, Mapping[date, int]] = OrderedDict()
        self._lock = threading.Lock()

    def by_day(self, types: Collection[str], statuses: Collection[str]) -> Mapping[date, int]:
        """Day → sessions of these types and statuses, the latest day first; none are left out."""
        key = (frozenset(types), frozenset(statuses))
        with self._lock:
            known = self._selections.get(key)
            if known is not None:
                self._selections.move_to_end(key)
                return known
        days: dict[date, int] = {}
        for (type_name, status), cell in self._cells.items():
            if (not types or type_name in types) and (not statuses or status in statuses):
                for day, number in cell.items():
                    days[day] = days.get(day, 0) + number
        ordered = dict(sorted(days.items(), reverse=True))
        with self._lock:
            self._selections[key] = ordered
            while len(self._selections) > _SELECTIONS_KEPT:
                self._selections.popitem(last=False)
        return ordered

    def cells(self, types: Collection[str], statuses: Collection[str]) -> list[tuple[str, str]]:
        """The pairs of type and status that occur, of those asked for."""
        return [
            (type_name, status)
            for type_name, status in self._cells
            if (not types or type_name in types) and (not statuses or status in statuses)
        ]


_known: WeakKeyDictionary[Database, ClosedDays] = WeakKeyDictionary()


def closed_days(db: Session) -> ClosedDays | None:
    """What is counted for good; None while nothing is. Never older than the history says."""
    database = database_of(db)
    history = db.execute(select(HistoryRow.version, HistoryRow.closed_until)).one_or_none()
    if history is None or history.version == 0:
        return None
    known = _known.get(database)
    if known is None or known.version != history.version:
        columns = (DayCountRow.type, DayCountRow.status, DayCountRow.day, DayCountRow.sessions)
        rows = db.execute(select(*columns))
        known = _known[database] = ClosedDays(history.version, history.closed_until, rows)
    return known


def stretches(db: Session, wanted: SessionFilter, closed: ClosedDays) -> list[Stretch]:
    """The whole list in stretches, the latest first: counted here, or known from closed days."""
    since = min(wanted.since or _BEGINNING, _END)
    until = max(wanted.until or _END, _BEGINNING)
    found = []
    if until >= closed.until:
        found.append(_counted(db, wanted, max(since, closed.until), until))
    last_whole, first_whole = _whole_days(since, min(until, closed.until - _TICK))
    if last_whole < first_whole:
        # Less than a day, and over.
        if since < closed.until:
            found.append(_counted(db, wanted, since, min(until, closed.until - _TICK)))
        return found
    if until < closed.until and until >= start_of(last_whole) + _DAY:
        found.append(_counted(db, wanted, start_of(last_whole) + _DAY, until))
    for day, number in closed.by_day(wanted.types, wanted.statuses).items():
        if first_whole <= day <= last_whole:
            found.append(Stretch(start_of(day), start_of(day) + _DAY - _TICK, number))
    if since > _BEGINNING and since < start_of(first_whole):
        found.append(_counted(db, wanted, since, start_of(first_whole) - _TICK))
    return found


def _whole_days(since: datetime, until: datetime) -> tuple[date, date]:
    """The last and the first day that lie in the time completely; swapped ends if none does."""
    first = since.astimezone(UTC).date()
    if since > start_of(first):
        first += _DAY
    last = until.astimezone(UTC).date()
    if until < start_of(last) + _DAY - _TICK:
        last -= _DAY
    return last, first


def _counted(db: Session, wanted: SessionFilter, low: datetime, high: datetime) -> Stretch:
    statement = select(func.count()).where(SessionRow.began_at >= low, SessionRow.began_at <= high)
    if wanted.types:
        statement = statement.where(unindexed(SessionRow.type).in_(wanted.types))
    if wanted.statuses:
        statement = statement.where(SessionRow.status.in_(wanted.statuses))
    return Stretch(low, high, db.scalar(statement) or 0)
