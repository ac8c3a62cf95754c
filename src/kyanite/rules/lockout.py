"""How long guesses have to wait: not at all at first, then longer with each failure.

Pure arithmetic on counts; `areas/access/lockout.py` keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final


@dataclass(frozen=True)
class LockRule:
    """`free_failures` cost nothing; the one after them locks for `first_seconds`, each further
    one twice as long, up to `longest_seconds`. All are forgotten after `memory_seconds` without
    a failure."""

    free_failures: int
    first_seconds: float
    longest_seconds: float
    memory_seconds: float


@dataclass(frozen=True)
class Failures:
    """What is remembered of one name."""

    count: int
    last_at: datetime
    locked_until: datetime


USER_RULE: Final = LockRule(4, 1.0, 900.0, 4 * 3600.0)
"""For a user's name, from one address and from all together."""

ADDRESS_RULE: Final = LockRule(49, 1.0, 60.0, 900.0)
"""For an address that tries many names. Many people may share one."""

_MOST_DOUBLINGS: Final = 30


def after_failure(rule: LockRule, before: Failures | None, now: datetime) -> Failures:
    """What to remember after one more failure."""
    known = before is not None and not is_forgotten(rule, before, now)
    count = (before.count if before and known else 0) + 1
    over = count - rule.free_failures - 1
    if over < 0:
        return Failures(count, now, now)
    seconds = min(rule.longest_seconds, rule.first_seconds * 2.0 ** min(over, _MOST_DOUBLINGS))
    return Failures(count, now, now + timedelta(seconds=seconds))


def is_forgotten(rule: LockRule, failures: Failures, now: datetime) -> bool:
    """Whether the failures count no more."""
    return failures.last_at + timedelta(seconds=rule.memory_seconds) < now


def seconds_left(failures: Failures | None, now: datetime) -> float:
    """How long the name is still locked."""
    return 0.0 if failures is None else max(0.0, (failures.locked_until - now).total_seconds())
