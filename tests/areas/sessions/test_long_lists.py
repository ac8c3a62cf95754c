"""Lists over closed days say exactly what they say when everything is counted anew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select

from kyanite.areas.sessions import listing
from kyanite.areas.sessions.day_counts import closed_days
from kyanite.areas.sessions.filters import SessionFilter
from kyanite.base.identifiers import system_id
from kyanite.db.database import Database
from kyanite.durable.history import close_days
from kyanite.durable.history_tables import HistoryRow
from kyanite.durable.results import ItemResource
from kyanite.durable.session_tables import SessionRow
from kyanite.http.pages import Paging
from support.api import START
from support.past_sessions import past_item, past_session

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MIDNIGHT = START.replace(hour=0)
TYPES = ("PolicySnapshot", "PolicyBackup", "VmSnapshotRetention", "RestoreVms")
STATUSES = ("Success", "Warning", "Error", "Canceled")


@pytest.fixture
def past(database: Database) -> Database:
    """Twelve days of sessions, some at the very edges of days, some at the same moment."""
    chance = random.Random(3)
    with database.writing() as db:
        for _ in range(240):
            began = START - chance.random() * 12 * DAY
            type_name = chance.choice(TYPES)
            past_session(db, type_name, began, status=chance.choices(STATUSES, (9, 3, 2, 1))[0])
        for day in range(4):
            for tick in (timedelta(), timedelta(microseconds=-1)):
                for _ in range(2):
                    past_session(db, "PolicyBackup", MIDNIGHT - day * DAY + tick)
        past_session(db, "PolicyBackup", START - HOUR, status="Running")
    return database


def expected(rows: Sequence[SessionRow], wanted: SessionFilter) -> list[str]:
    """The list by its definition."""
    chosen = [
        row
        for row in rows
        if (not wanted.types or row.type in wanted.types)
        and (not wanted.statuses or row.status in wanted.statuses)
        and (wanted.since is None or row.began_at >= wanted.since)
        and (wanted.until is None or row.began_at <= wanted.until)
    ]
    return [row.id for row in sorted(chosen, key=lambda r: (r.began_at, r.id), reverse=True)]


TIMES: tuple[tuple[datetime | None, datetime | None], ...] = (
    (None, None),
    (START - 5 * DAY, None),
    (None, START - 5 * DAY),
    (MIDNIGHT - 3 * DAY, MIDNIGHT - DAY),
    (MIDNIGHT - 3 * DAY, MIDNIGHT - DAY - timedelta(microseconds=1)),
    (START - 4 * DAY, START - 4 * DAY + 3 * HOUR),
    (START - 4 * DAY, START - 3 * DAY),
    (START - HOUR, START),
    (START + DAY, None),
    (START, START - DAY),
    (datetime.min.replace(tzinfo=START.tzinfo), datetime.max.replace(tzinfo=START.tzinfo)),
)
WANTED = [
    SessionFilter(types=types, statuses=statuses, since=since, until=until)
    for types, statuses, (since, until) in product(
        ((), TYPES[:2], TYPES[3:]), ((), ("Error",), ("Canceled", "Running", "Success")), TIMES
    )
]


@pytest.mark.parametrize("few", [0, 20_000])
def test_every_page_and_total_is_right_whatever_is_closed(past: Database, few: int) -> None:
    with past.reading() as db:
        everything = db.scalars(select(SessionRow)).all()
    for now in (None, START - 6 * DAY, START):
        if now is not None:
            close_days(past, now)
        with past.reading() as db:
            assert (closed_days(db) is None) == (now is None)
            for wanted in WANTED:
                ids = expected(everything, wanted)
                for offset, limit in ((0, 7), (5, 3), (len(ids) // 2, 10), (len(ids), 5), (0, 0)):
                    found = listing.list_sessions(db, wanted, Paging(offset, limit), few=few)
                    assert found.total == len(ids), wanted
                    assert [row.id for row in found.rows] == ids[offset : offset + limit], wanted


def test_a_day_with_a_session_that_has_not_ended_stays_open(database: Database) -> None:
    with database.writing() as db:
        past_session(db, "PolicyBackup", START - 9 * DAY)
        running = past_session(db, "PolicyBackup", START - 5 * DAY, status="Running")
        past_session(db, "PolicyBackup", START - 3 * DAY)
    close_days(database, START)
    with database.writing() as db:
        assert db.scalars(select(HistoryRow.closed_until)).one() == MIDNIGHT - 5 * DAY
        db.get_one(SessionRow, running).status = "Error"
    close_days(database, START)
    with database.reading() as db:
        assert db.scalars(select(HistoryRow.closed_until)).one() == MIDNIGHT - DAY
        failed = SessionFilter(statuses=("Error",))
        assert listing.list_sessions(db, failed, Paging()).total == 1


def test_a_search_finds_sessions_by_the_name_of_their_time(database: Database) -> None:
    renamed = "0d0f8a52-6a1c-4c62-9a43-0a3b4b6f9a10"
    with database.writing() as db:
        before = past_session(db, "PolicyBackup", START - DAY, policy=(renamed, "Old gold"))
        after = past_session(db, "PolicyBackup", START, policy=(renamed, "Silver"))
        vault = past_session(db, "RepositoryEdit", START + DAY, repository=("r", "Gold vault"))
        web = past_session(db, "RestoreVms", START + 2 * DAY)
        past_item(db, web, "restored", ItemResource(system_id("/machines/web"), "goldfish"))

    def found(text: str) -> list[str]:
        with database.reading() as db:
            rows = listing.list_sessions(db, SessionFilter(text=text), Paging()).rows
            return [row.id for row in rows]

    assert found("GOLD") == [web, vault, before]
    assert found("silver") == [after]
    assert found("restore") == [web]
    assert found("%") == []
