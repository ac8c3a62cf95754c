"""How long guesses wait: a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kyanite.rules.lockout import (
    ADDRESS_RULE,
    USER_RULE,
    Failures,
    LockRule,
    after_failure,
    is_forgotten,
    seconds_left,
)

START = datetime(2026, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "waits"),
    [
        (LockRule(2, 1, 5, 60), [0, 0, 1, 2, 4, 5, 5]),
        (LockRule(0, 10, 10, 60), [10, 10]),
        (USER_RULE, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]),
        (ADDRESS_RULE, [0] * 49 + [1, 2, 4, 8, 16, 32, 60, 60]),
    ],
)
def test_the_wait_doubles_with_each_failure_up_to_a_bound(
    rule: LockRule, waits: list[float]
) -> None:
    failures, now, seen = None, START, []
    for _ in waits:
        failures = after_failure(rule, failures, now)
        seen.append(seconds_left(failures, now))
        now = failures.locked_until
    assert seen == waits


def test_a_thousand_failures_are_one_number() -> None:
    failures = Failures(10**6, START, START)
    assert seconds_left(after_failure(USER_RULE, failures, START), START) == 900


def test_failures_are_forgotten_after_a_while() -> None:
    rule = LockRule(1, 1, 5, 60)
    failures = after_failure(rule, after_failure(rule, None, START), START)
    later = START + timedelta(seconds=61)
    assert not is_forgotten(rule, failures, START + timedelta(seconds=60))
    assert is_forgotten(rule, failures, later)
    assert after_failure(rule, failures, later).count == 1


def test_an_attacker_has_about_a_hundred_guesses_a_day() -> None:
    failures, now, guesses = None, START, 0
    while now < START + timedelta(days=1):
        failures = after_failure(USER_RULE, failures, now)
        now, guesses = failures.locked_until, guesses + 1
    assert guesses < 115
