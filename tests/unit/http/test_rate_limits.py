"""Guesses are slowed down, and forgotten after a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kyanite.base.clock import ManualClock
from kyanite.base.errors import TooManyAttempts
from kyanite.http.rate_limits import AttemptLimit

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
