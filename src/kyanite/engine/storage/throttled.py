"""Keeps to a bandwidth that may be changed while the work is running."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.wrapper import Call, StorageWrapper

_Answer = TypeVar("_Answer")
_BURST_SECONDS: Final = 0.1


class Bandwidth:
    """Bytes per second that several threads share; ``None``: no limit. Thread-safe.

    A transfer begins when the ones before it are paid for, and is paid for by those after
    it: over any longer time the limit holds, and no transfer is cut into pieces.
    """

    def __init__(
        self, bytes_per_second: float | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = bytes_per_second
        self._now = now
        self._changed = threading.Condition()
        self._left_bytes = 0.0
        self._counted_at = now()

    def change(self, bytes_per_second: float | None) -> None:
        """The new limit counts at once, also for those who wait already."""
        with self._changed:
            self._count()
            self._rate = bytes_per_second
            self._changed.notify_all()

    def take(self, size_bytes: int) -> None:
        """Wait until ``size_bytes`` may be moved."""
        with self._changed:
            while self._rate is not None:
                self._count()
                if self._left_bytes >= 0:
                    self._left_bytes -= size_bytes
                    return
                self._changed.wait(-self._left_bytes / self._rate)

    def _count(self) -> None:
        now = self._now()
        if self._rate is None:
            self._left_bytes = 0.0
        else:
            earned = self._left_bytes + (now - self._counted_at) * self._rate
            self._left_bytes = min(earned, self._rate * _BURST_SECONDS)
        self._counted_at = now


class ThrottledStorage(StorageWrapper):
    """Sends and receives no faster than two bandwidths allow."""

    def __init__(
        self,
        inner: Storage,
        sending: Bandwidth | None = None,
        receiving: Bandwidth | None = None,
    ) -> None:
        super().__init__(inner)
        self.sending = sending or Bandwidth(None)
        self.receiving = receiving or Bandwidth(None)

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:
        if call.sent_bytes:
            self.sending.take(call.sent_bytes)
        answer = act()
        if isinstance(answer, bytes):
            self.receiving.take(len(answer))
        return answer
