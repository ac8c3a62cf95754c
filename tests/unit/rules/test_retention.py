"""Which restore points stay and which go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kyanite.rules.retention import (
    Age,
    AgeUnit,
    Flag,
    Point,
    by_age,
    by_count,
    expires_at,
    format_flags,
    parse_flags,
)

D, W, M, Y = Flag.DAILY, Flag.WEEKLY, Flag.MONTHLY, Flag.YEARLY
BERLIN = ZoneInfo("Europe/Berlin")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.acceptance("virtual-machines", 1)
def test_worked_example_a_of_the_behaviour_file_is_replayed_exactly() -> None:
    """Daily on weekdays 07/09/11 keeps 3, weekly on Monday 07 keeps 2."""
    keep = {D: 3, W: 2}
    held: dict[str, Point] = {}

    def session(name: str, time: str, *flags: Flag) -> list[str]:
        held[name] = Point(name, _at(time), frozenset(flags))
        gone = []
        for decision in by_count(list(held.values()), keep):
            if decision.goes:
                del held[decision.point_id]
                gone.append(decision.point_id)
            else:
                old = held[decision.point_id]
                held[decision.point_id] = Point(old.point_id, old.time, decision.keeps)
        return gone

    assert session("mon07", "2025-02-03T07:00", D, W) == []
    assert session("mon09", "2025-02-03T09:00", D) == []
    assert session("mon11", "2025-02-03T11:00", D) == []
    assert session("tue07", "2025-02-04T07:00", D) == []
    assert held["mon07"].flags == {W}
    assert session("tue09", "2025-02-04T09:00", D) == ["mon09"]
    assert session("mon07b", "2025-02-10T07:00", D, W) == ["mon11"]
    assert held["mon07"].flags == {W}
    assert session("mon07c", "2025-02-17T07:00", D, W) == ["mon07", "tue07"]


def test_a_count_of_zero_takes_the_flag_from_every_snapshot() -> None:
    points = [Point("a", _at("2025-01-01T00:00"), frozenset({D}))]
    (decision,) = by_count(points, {D: 0})
    assert decision.goes
    assert "keeps 0" in decision.loses[D]


def test_a_flag_whose_schedule_is_off_loses_nothing_by_count() -> None:
    points = [
        Point(str(day), _at("2025-01-01T00:00") + timedelta(days=day), frozenset({M}))
        for day in range(5)
    ]
    assert by_count(points, {D: 1}) == []


def test_deciding_twice_changes_nothing() -> None:
    points = [
        Point(str(day), _at("2025-01-01T00:00") + timedelta(days=day), frozenset({D}))
        for day in range(5)
    ]
    gone = {d.point_id for d in by_count(points, {D: 2})}
    assert gone == {"0", "1", "2"}
    assert by_count([p for p in points if p.point_id not in gone], {D: 2}) == []


@pytest.mark.parametrize(
    ("time", "age", "expected"),
    [
        ("2025-02-03T06:00", Age(14, AgeUnit.DAYS), "2025-02-17T06:00"),
        ("2025-03-29T06:00", Age(1, AgeUnit.DAYS), "2025-03-30T05:00"),
        ("2025-02-03T06:00", Age(2, AgeUnit.MONTHS), "2025-04-03T05:00"),
        ("2025-01-31T12:00", Age(1, AgeUnit.MONTHS), "2025-02-28T12:00"),
        ("2024-02-29T12:00", Age(1, AgeUnit.YEARS), "2025-02-28T12:00"),
        ("2024-02-29T12:00", Age(4, AgeUnit.YEARS), "2028-02-29T12:00"),
        ("2025-12-15T12:00", Age(13, AgeUnit.MONTHS), "2027-01-15T12:00"),
    ],
)
def test_ages_count_in_the_calendar_of_the_appliance(time: str, age: Age, expected: str) -> None:
    assert expires_at(_at(time), age, BERLIN) == _at(expected)


def test_a_backup_goes_when_its_last_flag_expired_and_not_before() -> None:
    point = Point("p", _at("2025-02-03T06:00"), frozenset({D, W}))
    ages = {"p": {D: Age(14, AgeUnit.DAYS), W: Age(2, AgeUnit.MONTHS)}}
    assert by_age([point], ages, _at("2025-02-17T05:59"), BERLIN) == []
    (decision,) = by_age([point], ages, _at("2025-02-17T06:00"), BERLIN)
    assert decision.keeps == {W}
    assert not decision.goes
    (decision,) = by_age([point], ages, _at("2025-04-03T05:00"), BERLIN)
    assert decision.goes


def test_a_flag_without_an_age_never_expires() -> None:
    point = Point("p", _at("2025-02-03T06:00"), frozenset({D}))
    assert by_age([point], {}, _at("2125-01-01T00:00"), BERLIN) == []


@pytest.mark.parametrize(
    ("flags", "text"),
    [({D}, "Daily"), ({W, D}, "Daily, Weekly"), ({Y, M}, "Monthly, Yearly"), (set(), "None")],
)
def test_flags_are_written_and_read_as_the_contract_shows_them(flags: set[Flag], text: str) -> None:
    assert format_flags(frozenset(flags)) == text
    assert parse_flags(text) == flags
