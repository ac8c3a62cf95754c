"""When does it run next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyanite.base.errors import Invalid
from kyanite.rules.schedule import (
    DailySchedule,
    DailyType,
    Part,
    Slot,
    Weekday,
    merged,
    next_slot,
    slots_after,
    utc_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # daylight saving of half an hour
SNAPSHOT = frozenset({Part.SNAPSHOT})
BOTH = frozenset({Part.SNAPSHOT, Part.BACKUP})


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def local_times(
    schedule: DailySchedule, zone: ZoneInfo, after: datetime, count: int
) -> list[tuple[str, bool]]:
    """Local time and whether a backup is made, of the next slots."""
    return [
        (slot.at.astimezone(zone).strftime("%a %d %H:%M"), Part.BACKUP in slot.parts)
        for slot in islice(slots_after(schedule, zone, after), count)
    ]


HOURS = frozenset


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param(
            DailySchedule(snapshot_hours=HOURS({7, 9}), backup_hours=HOURS({9})),
            [("Fri 02 07:00", False), ("Fri 02 09:00", True), ("Sat 03 07:00", False)],
            id="every day, some snapshots with backup",
        ),
        pytest.param(
            DailySchedule(DailyType.WEEK_DAYS, snapshot_hours=HOURS({20})),
            [("Thu 01 20:00", False), ("Fri 02 20:00", False), ("Mon 05 20:00", False)],
            id="weekdays leave the weekend out",
        ),
        pytest.param(
            DailySchedule(
                DailyType.SELECTED_DAYS,
                frozenset({Weekday.SUNDAY, Weekday.TUESDAY}),
                backup_hours=HOURS({0}),
            ),
            [("Sun 04 00:00", True), ("Tue 06 00:00", True), ("Sun 11 00:00", True)],
            id="selected days",
        ),
        pytest.param(
            DailySchedule(backup_hours=HOURS({3})),
            [("Fri 02 03:00", True), ("Sat 03 03:00", True), ("Sun 04 03:00", True)],
            id="a backup without a snapshot in its hour makes one",
        ),
        pytest.param(
            DailySchedule(runs_per_hour=3, snapshot_hours=HOURS({14}), backup_hours=HOURS({14})),
            [("Thu 01 14:00", True), ("Thu 01 14:20", False), ("Thu 01 14:40", False)],
            id="of several runs in an hour the first makes the backup",
        ),
        pytest.param(
            DailySchedule(runs_per_hour=7, snapshot_hours=HOURS({14})),
            [("Thu 01 14:00", False), ("Thu 01 14:08", False), ("Thu 01 14:17", False)],
            id="runs that do not divide the hour",
        ),
    ],
)
def test_the_next_runs(schedule: DailySchedule, expected: list[tuple[str, bool]]) -> None:
    noon = datetime(2026, 1, 1, 12, 30, tzinfo=BERLIN)
    assert local_times(schedule, BERLIN, noon, 3) == expected


def test_a_schedule_without_hours_or_days_never_runs() -> None:
    never = [
        DailySchedule(),
        DailySchedule(DailyType.SELECTED_DAYS, snapshot_hours=HOURS({1})),
    ]
    assert [next_slot(one, BERLIN, at(2026, 1, 1)) for one in never] == [None, None]


def test_a_slot_is_later_than_the_moment_asked_for() -> None:
    schedule = DailySchedule(snapshot_hours=HOURS({5}))
    first = next_slot(schedule, BERLIN, at(2026, 1, 1))
    assert first == Slot(at(2026, 1, 1, 4), SNAPSHOT)
    assert next_slot(schedule, BERLIN, first.at) == Slot(at(2026, 1, 2, 4), SNAPSHOT)
    assert next_slot(schedule, BERLIN, first.at - timedelta(microseconds=1)) == first


@pytest.mark.parametrize(
    ("zone", "hour", "runs", "day", "expected"),
    [
        pytest.param(BERLIN, 2, 1, (2026, 3, 29), [], id="spring skips 02:00"),
        pytest.param(BERLIN, 3, 1, (2026, 3, 29), [at(2026, 3, 29, 1)], id="the hour after"),
        pytest.param(BERLIN, 2, 1, (2026, 10, 25), [at(2026, 10, 25, 0)], id="autumn repeats"),
        pytest.param(BERLIN, 3, 1, (2026, 10, 25), [at(2026, 10, 25, 2)], id="once it is over"),
        pytest.param(
            BERLIN,
            2,
            2,
            (2026, 10, 25),
            [at(2026, 10, 25, 0), at(2026, 10, 25, 0, 30)],
            id="several runs in the repeated hour happen once each",
        ),
        pytest.param(
            LORD_HOWE,
            2,
            2,
            (2026, 10, 4),
            [at(2026, 10, 3, 15, 30)],
            id="of a half skipped hour the other half runs",
        ),
        pytest.param(
            ZoneInfo("Africa/Cairo"), 0, 1, (2026, 4, 24), [], id="a day that begins at 01:00"
        ),
        pytest.param(
            ZoneInfo("Pacific/Apia"), 12, 1, (2011, 12, 30), [], id="a day that never was"
        ),
    ],
)
def test_daylight_saving(
    zone: ZoneInfo, hour: int, runs: int, day: tuple[int, int, int], expected: list[datetime]
) -> None:
    schedule = DailySchedule(snapshot_hours=HOURS({hour}), runs_per_hour=runs)
    after = datetime(*day, tzinfo=zone) - timedelta(hours=20)
    slots = takewhile(
        lambda slot: slot.at < after + timedelta(days=5), slots_after(schedule, zone, after)
    )
    wanted = datetime(*day).date()
    assert [slot.at for slot in slots if slot.at.astimezone(zone).date() == wanted] == expected


@given(
    zone=st.sampled_from([BERLIN, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("America/New_York")]),
    hours=st.frozensets(st.integers(0, 23), min_size=1),
    runs=st.integers(1, 60),
    after=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),
)
def test_slots_come_in_order_at_most_once_for_each_time_on_the_wall(
    zone: ZoneInfo, hours: frozenset[int], runs: int, after: datetime
) -> None:
    schedule = DailySchedule(runs_per_hour=runs, snapshot_hours=hours)
    start = after.replace(tzinfo=UTC)
    moments = [slot.at for slot in islice(slots_after(schedule, zone, start), 200)]
    assert moments == sorted(set(moments))
    assert moments[0] > start
    walls = [moment.astimezone(zone).replace(tzinfo=None, fold=0) for moment in moments]
    assert len(walls) == len(set(walls))
    assert {wall.hour for wall in walls} <= hours


def test_a_local_time_is_found_or_does_not_exist() -> None:
    assert utc_of(datetime(2026, 3, 29, 2, 30), BERLIN) is None
    assert utc_of(datetime(2026, 10, 25, 2, 30), BERLIN) == at(2026, 10, 25, 0, 30)


def test_missed_slots_become_one_at_the_last_with_all_parts() -> None:
    slots = [Slot(at(2026, 1, 1, 2), BOTH), Slot(at(2026, 1, 1, 3), SNAPSHOT)]
    assert merged(slots) == Slot(at(2026, 1, 1, 3), BOTH)
    assert merged([]) is None


def test_a_schedule_survives_being_stored() -> None:
    schedule = DailySchedule(
        DailyType.SELECTED_DAYS,
        frozenset({Weekday.MONDAY}),
        4,
        HOURS({1, 2}),
        HOURS({2}),
    )
    assert DailySchedule.from_json(schedule.to_json()) == schedule


@pytest.mark.parametrize(
    ("values", "member"),
    [
        ({"snapshot_hours": HOURS({24})}, "snapshotSchedule.hours"),
        ({"backup_hours": HOURS({-1})}, "backupSchedule.hours"),
        ({"runs_per_hour": 0}, "runsPerHour"),
        ({"runs_per_hour": 61}, "runsPerHour"),
    ],
)
def test_nonsense_is_refused_and_named(values: dict[str, object], member: str) -> None:
    with pytest.raises(Invalid) as refused:
        DailySchedule(**values)  # type: ignore[arg-type]
    assert list(refused.value.errors) == [member]
