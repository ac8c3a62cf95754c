"""Waiting for a condition with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within_seconds: float = 20.0, what: str = "") -> T:
    """Call ``look`` until it answers something true; returns that. Fails after the deadline."""
    deadline = time.monotonic() + within_seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_seconds} s: {what or look}")
        time.sleep(0.02)
