"""What is due is started: at its hour, once, also across daylight saving and after downtime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.base.clock import ManualClock
from kyanite.base.errors import Conflict, NotFound
from kyanite.db.database import Database
from kyanite.durable.schedule_tables import FiringRow
from kyanite.durable.timetable import (
    Schedule,
    ScheduleKind,
    Timetable,
    cron_slot,
    daily_slot,
)
from kyanite.rules.schedule import DailySchedule, Part, Slot

BERLIN = ZoneInfo("Europe/Berlin")


class Appliance:
    """A timetable with a clock and a zone that a test moves, and the runs it has started."""

    def __init__(self, database: Database, start: datetime) -> None:
        self.database = database
        self.clock = ManualClock(start)
        self.zone = BERLIN
        self.started: list[tuple[datetime, frozenset[Part]]] = []
        self.skipped: list[datetime] = []
        self.refuse: Exception | None = None
        kinds = {
            "daily": ScheduleKind(daily_slot, self._fire, self._skip),
            "cron": ScheduleKind(cron_slot, self._fire, self._skip),
        }
        self.timetable = Timetable(database, kinds, clock=self.clock, zone=lambda _db: self.zone)

    def _fire(self, _db: Session, _schedule: Schedule, slot: Slot) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.started.append((slot.at, slot.parts))

    def _skip(self, _db: Session, _schedule: Schedule, slot: Slot, _reason: str) -> None:
        self.skipped.append(slot.at)

    def put(self, schedule: Schedule) -> datetime | None:
        with self.database.writing() as db:
            return self.timetable.put(db, schedule)

    def next_at(self) -> datetime | None:
        with self.database.reading() as db:
            return self.timetable.next_at(db, "policy")

    def run_until(self, end: datetime, step: timedelta = timedelta(minutes=10)) -> None:
        while self.clock.now() < end:
            self.clock.advance(step)
            self.timetable.tick()

    def outcomes(self) -> list[str]:
        with self.database.reading() as db:
            query = select(FiringRow.outcome).order_by(FiringRow.due_at)
            return list(db.execute(query).scalars())


@pytest.fixture
def appliance(sqlite_database: Database) -> Callable[[datetime], Appliance]:
    return lambda start: Appliance(sqlite_database, start)


def daily(*hours: int, snapshots: tuple[int, ...] = ()) -> Schedule:
    schedule = DailySchedule(backup_hours=frozenset(hours), snapshot_hours=frozenset(snapshots))
    return Schedule("policy", "daily", schedule.to_json())


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


BOTH = frozenset({Part.SNAPSHOT, Part.BACKUP})


def test_a_run_starts_at_its_hour_in_the_zone_of_the_appliance(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 0))
    assert home.put(daily(3)) == utc(2026, 1, 10, 2, 0)
    home.run_until(utc(2026, 1, 12, 0, 0))
    assert home.started == [(utc(2026, 1, 10, 2), BOTH), (utc(2026, 1, 11, 2), BOTH)]


def test_a_run_in_the_hour_that_spring_skips_does_not_happen_that_day(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 3, 28, 12, 0))
    home.put(daily(2))
    home.run_until(utc(2026, 3, 31, 12, 0))
    assert [at for at, _ in home.started] == [utc(2026, 3, 30, 0), utc(2026, 3, 31, 0)]


def test_a_run_in_the_hour_that_autumn_repeats_happens_once(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 10, 24, 12, 0))
    home.put(daily(2))
    home.run_until(utc(2026, 10, 26, 12, 0))
    assert [at for at, _ in home.started] == [utc(2026, 10, 25, 0), utc(2026, 10, 26, 1)]


def test_runs_missed_a_moment_ago_become_one_run_with_all_their_parts(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 30))
    home.put(daily(2, snapshots=(2, 3)))
    home.clock.advance(timedelta(minutes=90))  # 02:00 UTC is 03:00 in Berlin
    home.timetable.tick()
    home.timetable.tick()
    assert home.started == [(utc(2026, 1, 10, 2), BOTH)]
    assert home.skipped == []


def test_runs_missed_long_ago_are_recorded_as_skipped(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 0))
    home.put(daily(3))
    home.clock.advance(timedelta(days=3))
    home.timetable.tick()
    assert home.started == []
    assert home.skipped == [utc(2026, 1, day, 2) for day in (10, 11, 12)]
    assert home.outcomes() == ["skipped"] * 3
    assert home.next_at() == utc(2026, 1, 13, 2)


def test_a_downtime_of_years_does_not_hold_the_timetable_up(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 0))
    home.put(daily(*range(24)))
    home.clock.advance(timedelta(days=900))
    home.timetable.tick()
    assert len(home.started) == 1
    assert len(home.skipped) < 10


def test_a_run_that_is_due_while_the_one_before_is_going_is_skipped(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 0))
    home.put(daily(3, 4))
    home.refuse = Conflict("session 7 is already at work on this", session_id="7")
    home.run_until(utc(2026, 1, 10, 2, 30))
    home.refuse = None
    home.run_until(utc(2026, 1, 10, 3, 30))
    assert home.outcomes() == ["skipped", "fired"]


@pytest.mark.parametrize("error", [NotFound("the policy is gone"), ZeroDivisionError("a bug")])
def test_a_run_that_cannot_be_started_is_noted_and_not_tried_for_ever(
    appliance: Callable[[datetime], Appliance], error: Exception
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 0))
    home.put(daily(3))
    home.refuse = error
    home.run_until(utc(2026, 1, 10, 2, 30))
    assert home.outcomes() == ["failed"]
    assert home.next_at() == utc(2026, 1, 11, 2)


def test_a_new_time_zone_moves_what_is_to_come(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 0))
    home.put(daily(3))
    home.zone = ZoneInfo("Asia/Tokyo")
    home.timetable.tick()
    assert home.next_at() == utc(2026, 1, 10, 18)
    home.run_until(utc(2026, 1, 11, 0, 0))
    assert [at for at, _ in home.started] == [utc(2026, 1, 10, 18)]


def test_a_schedule_removed_or_replaced_no_longer_runs_as_before(
    appliance: Callable[[datetime], Appliance],
) -> None:
    home = appliance(utc(2026, 1, 10, 0, 0))
    home.put(daily(3))
    assert home.put(daily(5)) == utc(2026, 1, 10, 4)
    home.run_until(utc(2026, 1, 10, 6))
    with home.database.writing() as db:
        home.timetable.remove(db, "policy")
        home.timetable.remove(db, "policy")
    home.run_until(utc(2026, 1, 12))
    assert [at for at, _ in home.started] == [utc(2026, 1, 10, 4)]


def test_the_appliances_own_chores_run_once_in_every_night_of_the_year(
    appliance: Callable[[datetime], Appliance],
) -> None:
    for spec, first, last in (
        ({"cron": "30 2 * * *"}, utc(2026, 3, 27, 12), utc(2026, 3, 31, 12)),
        ({"cron": "30 2 * * *"}, utc(2026, 10, 23, 12), utc(2026, 10, 27, 12)),
    ):
        after, nights = first, []
        while (slot := cron_slot(spec, BERLIN, after)) and slot.at < last:
            nights.append(slot.at.astimezone(BERLIN).date())
            after = slot.at
        assert len(nights) == len(set(nights)) == 4
