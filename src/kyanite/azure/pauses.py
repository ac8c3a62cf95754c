"""Waiting that can be called off.

Polls and retries spend most of a job's time asleep. They sleep through a ``Check``: a
function that returns nothing while the work may go on and raises ``Cancelled`` or
``LeaseLost`` when it may not.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

Check: TypeAlias = Callable[[], None]

SLICE_SECONDS: Final = 0.25
"""How long a cancelled wait goes on at most; a stop must be final within five seconds."""


def go_on() -> None:
    """The check of work that nobody can call off."""


def pause(seconds: float, check: Check = go_on) -> None:
    """Sleep, asking ``check`` before, and every quarter of a second."""
    end = time.monotonic() + seconds
    check()
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_SECONDS))
        check()


@dataclass(frozen=True)
class Patience:
    """How often and how long one request is repeated: bounded in number and in time."""

    attempts: int = 7
    total_seconds: float = 120.0
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 10.0


USUAL: Final = Patience()


class Retries:
    """The repeats of one request.

    Each pause doubles, with up to half of it random so that parallel requests do not come
    back together; what Azure asks for in ``Retry-After`` wins when it is longer.
    """

    def __init__(self, check: Check = go_on, patience: Patience = USUAL) -> None:
        self._check = check
        self._left = patience.attempts - 1
        self._deadline = time.monotonic() + patience.total_seconds
        self._next_seconds = patience.first_pause_seconds
        self._longest_seconds = patience.longest_pause_seconds

    def again(self, retry_after_seconds: float | None = None) -> bool:
        """Wait and return ``True``; or ``False`` at once when it has been tried enough."""
        seconds = self._next_seconds * random.uniform(0.5, 1.0)
        if retry_after_seconds is not None:
            seconds = max(seconds, retry_after_seconds)
        if self._left <= 0 or time.monotonic() + seconds > self._deadline:
            return False
        self._left -= 1
        self._next_seconds = min(2 * self._next_seconds, self._longest_seconds)
        pause(seconds, self._check)
        return True


def retry_after_seconds(value: str | None) -> float | None:
    """The header's seconds; ``None`` when it is absent or a date, which ARM never sends."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        return None
