"""Slowing down guesses (docs/behaviour/api-conventions.md §11).

The counts are kept in memory: a restart forgives, which costs an attacker more time than it
gives. Who guesses at passwords of users is held back in `areas/access/lockout.py`.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict

from kyanite.base.clock import Clock
from kyanite.base.errors import TooManyAttempts

# Names come from outside; more of them than this are not remembered.
_MAX_NAMES = 10_000


class AttemptLimit:
    """At most `failures` failed attempts per `seconds` and name, then TooManyAttempts."""

    def __init__(self, clock: Clock, failures: int = 5, seconds: float = 60.0) -> None:
        self._clock = clock
        self._failures = failures
        self._seconds = seconds
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, name: str) -> None:
        """Raise TooManyAttempts if the name has used up its attempts."""
        with self._lock:
            recent = self._recent(name)
            if len(recent) < self._failures:
                return
            wait = math.ceil(recent[0] + self._seconds - self._clock.now().timestamp())
        raise TooManyAttempts(
            f"Too many wrong passwords; try again in {max(1, wait)} seconds.", max(1, wait)
        )

    def failed(self, name: str) -> None:
        """Count a failed attempt."""
        with self._lock:
            recent = self._recent(name)
            recent.append(self._clock.now().timestamp())
            self._failed[name] = recent
            self._failed.move_to_end(name)
            if len(self._failed) > _MAX_NAMES:
                self._failed.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """Forget the failures of the name."""
        with self._lock:
            self._failed.pop(name, None)

    def _recent(self, name: str) -> list[float]:
        since = self._clock.now().timestamp() - self._seconds
        return [moment for moment in self._failed.get(name, ()) if moment > since]
