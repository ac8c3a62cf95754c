"""Where a repository is immutable, and how long its backups are: section 6."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kyanite.rules.immutability import Protection, lock_of, protection_problem
from kyanite.rules.retention import Age, AgeUnit, Flag

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = {Flag.DAILY: Age(7, AgeUnit.DAYS)}


def june(day: int, hour: int = 5) -> datetime:
    return datetime(2026, 6, day, hour, tzinfo=UTC)


def test_backups_of_one_generation_expire_together_and_the_eleventh_day_opens_another() -> None:
    begun: dict[Flag, datetime] = {}
    ends = {}
    for day in range(1, 13):
        lock = lock_of(june(day), {Flag.DAILY}, WEEK, begun, BERLIN)
        assert lock is not None
        begun = dict(lock.generations)
        ends[day] = lock.until
    assert {ends[day] for day in range(1, 11)} == {june(18)}
    assert ends[11] == ends[12] == june(28)


def test_each_schedule_has_generations_of_its_own_and_the_longest_lock_counts() -> None:
    ages = {**WEEK, Flag.MONTHLY: Age(3, AgeUnit.MONTHS)}
    begun = {Flag.DAILY: june(1)}
    lock = lock_of(june(5), {Flag.DAILY, Flag.MONTHLY}, ages, begun, BERLIN)
    assert lock is not None
    assert lock.generations == {Flag.DAILY: june(1), Flag.MONTHLY: june(5)}
    assert lock.until == datetime(2026, 9, 15, 5, tzinfo=UTC)
    later = lock_of(june(6), {Flag.DAILY}, ages, lock.generations, BERLIN)
    assert later is not None
    assert later.until == june(18)
    assert later.generations == lock.generations


def test_a_clock_that_was_set_back_opens_a_generation() -> None:
    lock = lock_of(june(5), {Flag.DAILY}, WEEK, {Flag.DAILY: june(20)}, BERLIN)
    assert lock is not None
    assert lock.until == june(5) + timedelta(days=17)


def test_a_backup_without_retention_is_not_locked() -> None:
    assert lock_of(june(1), {Flag.WEEKLY}, WEEK, {}, BERLIN) is None
    assert lock_of(june(1), set(), WEEK, {}, BERLIN) is None


#        keeps versions, default, container versions, policy, hold → word of the refusal
TABLE = [
    (False, False, False, "NotPresent", False, None),
    (True, False, True, "NotPresent", False, None),
    (True, False, False, "NotPresent", False, "keep costing"),
    (True, False, True, "Unlocked", False, "time-based"),
    (False, False, False, "Locked", False, "time-based"),
    (True, True, True, "NotPresent", False, "account has a time-based"),
    (False, False, False, "NotPresent", True, "legal hold"),
]


@pytest.mark.parametrize(("versions", "default", "container", "policy", "hold", "word"), TABLE)
def test_what_stands_in_the_way_of_a_repository(
    versions: bool, default: bool, container: bool, policy: str, hold: bool, word: str | None
) -> None:
    found = Protection(versions, default, container, policy, hold)
    problem = protection_problem(found)
    if word is None:
        assert problem is None
        assert found.is_immutable is container
    else:
        assert problem is not None
        assert word in problem
