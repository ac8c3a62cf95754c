"""How long sessions and snapshots are kept (docs/behaviour/appliance.md, section 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from kyanite.areas.appliance.session_records import SessionRecords
from kyanite.base.clock import ManualClock
from kyanite.base.identifiers import system_id
from kyanite.db.database import Database
from kyanite.durable.history import close_days
from kyanite.durable.history_tables import DayCountRow
from kyanite.durable.results import ItemResource
from kyanite.durable.session_tables import ItemRow, ItemRunRow, LogRow, SessionRow
from kyanite.http.rights import Role
from kyanite.rules.retention import Age, AgeUnit, cutoff
from support.api import START, ApiUnderTest
from support.past_sessions import past_item, past_session

PATH = "/api/v8.1/settings/retention"
FOR_EVER: dict[str, Any] = {"keepForever": True}
DAY = timedelta(days=1)


def days(number: int) -> dict[str, Any]:
    return {"duration": number, "type": "Days", "keepForever": False}


def put(api: ApiUnderTest, sessions: object, snapshots: object, status: int = 200) -> Any:
    body = {"sessionsSettings": sessions, "obsoleteSnapshotsSettings": snapshots}
    answer = api.client.put(PATH, json=body, headers=api.signed_in())
    assert answer.status_code == status, answer.text
    return answer.json()


def test_by_default_sessions_are_kept_three_months_and_snapshots_for_ever(
    settings_api: ApiUnderTest,
) -> None:
    answer = settings_api.client.get(PATH, headers=settings_api.signed_in())
    body = answer.json()
    href = body.pop("_links")["self"]["href"]
    assert href == f"https://appliance.example.org{PATH}"
    assert body == {
        "sessionsSettings": {"duration": 3, "type": "Months", "keepForever": False},
        "obsoleteSnapshotsSettings": {"duration": None, "type": None, "keepForever": True},
    }


def test_both_are_replaced_and_for_ever_forgets_the_age(settings_api: ApiUnderTest) -> None:
    stored = put(settings_api, days(30), {"duration": 2, "type": "Years"})
    assert stored["obsoleteSnapshotsSettings"] == {
        "duration": 2,
        "type": "Years",
        "keepForever": False,
    }
    stored = put(settings_api, {**days(30), "keepForever": True}, FOR_EVER)
    assert stored["sessionsSettings"] == {"duration": None, "type": None, "keepForever": True}
    read = settings_api.client.get(PATH, headers=settings_api.signed_in()).json()
    assert read == stored


@pytest.mark.parametrize(
    ("sessions", "snapshots", "member"),
    [
        (days(0), FOR_EVER, "sessionsSettings.duration"),
        (days(36_136), FOR_EVER, "sessionsSettings.duration"),
        ({"duration": 1189, "type": "Months"}, FOR_EVER, "sessionsSettings.duration"),
        ({"duration": 100, "type": "Years"}, FOR_EVER, "sessionsSettings.duration"),
        ({"type": "Days"}, FOR_EVER, "sessionsSettings.duration"),
        ({"duration": 5}, FOR_EVER, "sessionsSettings.type"),
        ({}, FOR_EVER, "sessionsSettings.type"),
        (days(1), {"duration": 0, "type": "Months"}, "obsoleteSnapshotsSettings.duration"),
        (days(1), {"duration": -1, "type": "Years"}, "obsoleteSnapshotsSettings.duration"),
        (days(1), {"duration": 5, "type": "Unknown"}, "obsoleteSnapshotsSettings.type"),
    ],
)
def test_what_is_incomplete_or_out_of_bounds_is_named_and_changes_nothing(
    settings_api: ApiUnderTest, sessions: object, snapshots: object, member: str
) -> None:
    problem = put(settings_api, sessions, snapshots, status=400)
    assert member in problem["errors"]
    read = settings_api.client.get(PATH, headers=settings_api.signed_in()).json()
    assert read["sessionsSettings"]["duration"] == 3


@pytest.mark.acceptance("appliance", 4)
def test_obsolete_snapshots_after_14_days_are_refused(
    settings_api: ApiUnderTest,
) -> None:
    put(settings_api, days(1), days(14), status=400)
    put(settings_api, days(1), days(15))


def test_only_administrators_may_see_and_set_it(settings_api: ApiUnderTest) -> None:
    for role in (Role.PORTAL_ADMIN, Role.PORTAL_OPERATOR, Role.READ_ONLY_USER):
        expected = 200 if role is Role.PORTAL_ADMIN else 403
        headers = settings_api.signed_in(role)
        assert settings_api.client.get(PATH, headers=headers).status_code == expected


@pytest.mark.acceptance("sessions", 8)
def test_a_retention_of_one_day_removes_sessions_of_yesterday_with_all_of_theirs(
    settings_api: ApiUnderTest, database: Database
) -> None:
    put(settings_api, days(1), FOR_EVER)
    resource = ItemResource(id=system_id("/machines/web"), name="web")
    with database.writing() as db:
        for began in (START - 3 * DAY, START - DAY - timedelta(hours=1)):
            old = past_session(db, "PolicyBackup", began)
            past_item(db, old, "protected", resource)
        still_running = past_session(db, "PolicyBackup", START - 9 * DAY, status="Running")
        young = past_session(db, "PolicyBackup", START - timedelta(hours=23))
        past_item(db, young, "protected", resource)
    records = SessionRecords(database, settings_api.clock)
    assert records.tidy() == 2
    assert records.tidy() == 0
    with database.reading() as db:
        assert set(db.scalars(select(SessionRow.id))) == {still_running, young}
        assert set(db.scalars(select(LogRow.session_id))) == {still_running, young}
        assert db.scalars(select(ItemRow.session_id)).all() == [young]
        assert db.scalar(select(func.count()).select_from(ItemRunRow)) == 1


def test_nothing_is_removed_while_sessions_are_kept_for_ever(
    settings_api: ApiUnderTest, database: Database
) -> None:
    put(settings_api, FOR_EVER, FOR_EVER)
    with database.writing() as db:
        past_session(db, "PolicyBackup", START - 4000 * DAY)
    assert SessionRecords(database, settings_api.clock).tidy() == 0


def test_it_stops_between_two_portions_when_the_process_is_to_end(
    settings_api: ApiUnderTest, database: Database
) -> None:
    put(settings_api, days(1), FOR_EVER)
    with database.writing() as db:
        for _ in range(60):
            past_session(db, "SnapshotRescan", START - 3 * DAY)
    going = iter([True, False])
    assert SessionRecords(database, settings_api.clock).tidy(lambda: next(going)) == 50


def test_the_counts_of_closed_days_follow_the_removal(
    settings_api: ApiUnderTest, database: Database
) -> None:
    with database.writing() as db:
        for hours in (40, 50, 70, 80):
            past_session(db, "SnapshotRescan", START - timedelta(hours=hours))
    close_days(database, START)
    put(settings_api, days(2), FOR_EVER)
    clock = ManualClock(START - timedelta(hours=12))
    assert SessionRecords(database, clock).tidy() == 2
    with database.reading() as db:
        assert db.scalar(select(func.sum(DayCountRow.sessions))) == 2


def test_an_age_is_counted_back_by_the_calendar_of_the_appliance() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    now = datetime(2026, 3, 31, 10, 0, tzinfo=UTC)  # 12:00 in Vienna, summer time since the 29th
    assert cutoff(now, Age(1, AgeUnit.MONTHS), vienna) == datetime(2026, 2, 28, 11, 0, tzinfo=UTC)
    assert cutoff(now, Age(7, AgeUnit.DAYS), vienna) == datetime(2026, 3, 24, 11, 0, tzinfo=UTC)
    leap = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)
    assert cutoff(leap, Age(1, AgeUnit.YEARS), ZoneInfo("UTC")) == datetime(
        2027, 2, 28, 12, 0, tzinfo=UTC
    )
    assert cutoff(now, Age(99, AgeUnit.YEARS), vienna).year == 1927
    assert cutoff(datetime(50, 1, 1, tzinfo=UTC), Age(99, AgeUnit.YEARS), vienna).year == 1
    assert cutoff(datetime(50, 1, 1, tzinfo=UTC), Age(36_135, AgeUnit.DAYS), vienna).year == 1
