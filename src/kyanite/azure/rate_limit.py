"""A limit on bytes per second that can be changed while the work goes on."""

from __future__ import annotations

import threading
import time
from typing import Final

from kyanite.azure.pauses import Check, go_on, pause

_BURST_SECONDS: Final = 0.5
"""How much unused allowance is kept: enough to even out requests, too little to matter."""


class RateLimit:
    """Shared by all threads that move data. ``None`` is no limit."""

    def __init__(self, bytes_per_second: int | None = None) -> None:
        self._lock = threading.Lock()
        self._rate = bytes_per_second
        self._balance = 0.0
        self._at = time.monotonic()

    def change(self, bytes_per_second: int | None) -> None:
        """Another limit, from now on; those who wait under the old one are let go."""
        with self._lock:
            self._rate = bytes_per_second or None
            self._balance = 0.0
            self._at = time.monotonic()

    def take(self, count: int, check: Check = go_on) -> None:
        """Account for ``count`` bytes and wait until they are allowed.

        A big request goes into debt and the next ones wait for it, so that the size of a
        request never decides whether it may run at all.
        """
        with self._lock:
            if self._rate is None:
                return
            rate, now = self._rate, time.monotonic()
            self._balance = (
                min(self._balance + (now - self._at) * rate, rate * _BURST_SECONDS) - count
            )
            self._at = now
            wait_seconds = -self._balance / rate
        end = time.monotonic() + wait_seconds
        while (left := end - time.monotonic()) > 0 and self._rate == rate:
            pause(min(left, 0.25), check)
