"""Waiting for a condition with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

_PAUSE_SECONDS: Final = 0.02
_LONGEST_LOOK_SECONDS: Final = 5.0


def eventually(
    look: Callable[[], T], *, within_seconds: float = 20.0, what: str | Callable[[], str] = ""
) -> T:
    """Call ``look`` until it answers something true; returns that. Fails after the deadline.

    ``what`` is said then; a function is asked for it. Time in which this process stood still
    itself does not count: it says nothing about what is waited for.
    """
    waited, looked = 0.0, time.monotonic()
    while True:
        answer = look()
        if answer:
            return answer
        now = time.monotonic()
        waited, looked = waited + min(now - looked, _LONGEST_LOOK_SECONDS), now
        if waited > within_seconds:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {within_seconds} s: {said or look}")
        time.sleep(_PAUSE_SECONDS)
