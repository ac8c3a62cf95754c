"""Guesses are slowed down, and forgotten after a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kyanite.base.clock import ManualClock
from kyanite.base.errors import TooManyAttempts
from kyanite.http.rate_limits import AttemptLimit, GrowingDelay

START = datetime(2026, 2, 3, tzinfo=UTC)


def test_after_five_failures_in_a_minute_a_name_has_to_wait() -> None:
    clock = ManualClock(START)
    limit = AttemptLimit(clock)
    for _ in range(5):
        limit.check("repository")
        limit.failed("repository")
        clock.advance(timedelta(seconds=1))
    with pytest.raises(TooManyAttempts) as caught:
        limit.check("repository")
    assert caught.value.retry_after_seconds == 55
    limit.check("another")
    clock.advance(timedelta(seconds=56))
    limit.check("repository")


def test_a_success_forgets_the_failures() -> None:
    limit = AttemptLimit(ManualClock(START), failures=1)
    limit.failed("repository")
    limit.succeeded("repository")
    limit.check("repository")


def test_the_delay_doubles_with_each_failure_up_to_a_bound() -> None:
    clock = ManualClock(START)
    delay = GrowingDelay(clock, free_failures=2, first_seconds=1, longest_seconds=5)
    seen = []
    for _ in range(6):
        seen.append(delay.seconds("user"))
        delay.failed("user")
    assert seen == [0, 0, 1, 2, 4, 5]
    clock.advance(timedelta(hours=1))
    assert delay.seconds("user") == 0
