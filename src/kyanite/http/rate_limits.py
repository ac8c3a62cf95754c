"""Slowing down guesses (docs/behaviour/api-conventions.md §11).

Both classes keep their counts in memory: a restart forgives, which costs an attacker more time
than it gives. All methods are thread-safe.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

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


@dataclass
class _Failures:
    count: int
    last: float


class GrowingDelay:
    """How long the answer to the next attempt is held back: nothing for the first failures of
    a name, then doubling up to a bound. Forgotten after `memory_seconds` without a failure."""

    def __init__(
        self,
        clock: Clock,
        free_failures: int = 3,
        first_seconds: float = 0.25,
        longest_seconds: float = 8.0,
        memory_seconds: float = 900.0,
    ) -> None:
        self._clock = clock
        self._free = free_failures
        self._first = first_seconds
        self._longest = longest_seconds
        self._memory = memory_seconds
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def seconds(self, name: str) -> float:
        """The delay that the next attempt of the name has to wait out."""
        with self._lock:
            known = self._failures.get(name)
            if known is None or known.last + self._memory < self._clock.now().timestamp():
                return 0.0
            over = known.count - self._free
            return 0.0 if over < 0 else float(min(self._longest, self._first * 2 ** min(over, 20)))

    def failed(self, name: str) -> None:
        """Count a failed attempt."""
        with self._lock:
            now = self._clock.now().timestamp()
            known = self._failures.pop(name, None)
            if known is None or known.last + self._memory < now:
                known = _Failures(0, now)
            self._failures[name] = _Failures(known.count + 1, now)
            if len(self._failures) > _MAX_NAMES:
                self._failures.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """Forget the failures of the name."""
        with self._lock:
            self._failures.pop(name, None)
