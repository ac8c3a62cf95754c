"""As slow as a storage far away: latency, and bandwidth of each connection and in all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.streaming import ByteStream, open_range
from kyanite.engine.storage.wrapper import Call, StorageWrapper

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Distance:
    """How far away a storage is. Each call is a connection of its own; 0: no limit."""

    latency_seconds: float
    connection_bytes_per_second: float = 0.0
    total_bytes_per_second: float = 0.0


class SlowStorage(StorageWrapper):
    """Answers after the time that the way takes. ``waited_seconds``: in all, over all threads."""

    def __init__(
        self,
        inner: Storage,
        distance: Distance,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self.waited_seconds = 0.0
        self._distance = distance
        self._now = now
        self._wait = wait
        self._lock = threading.Lock()
        self._line_free_at = now()

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:
        began = self._now()
        answer = act()
        moved = call.sent_bytes + (len(answer) if isinstance(answer, bytes) else 0)
        self._wait_until(self._arrival(began, moved))
        return answer

    def open_range(self, name: str, offset: int, length: int) -> ByteStream:
        began = self._now()
        stream = open_range(self.inner, name, offset, length)
        return _SlowStream(stream, began + self._distance.latency_seconds, self._carry)

    def _carry(self, sets_out: float, moved_bytes: int) -> float:
        """Wait for bytes that follow others on their connection; when they were there."""
        arrives = self._passed(sets_out, moved_bytes)
        self._wait_until(arrives)
        return arrives

    def _arrival(self, began: float, moved_bytes: int) -> float:
        """When an answer is there that was asked for at ``began`` and moves so many bytes."""
        return self._passed(began + self._distance.latency_seconds, moved_bytes)

    def _passed(self, sets_out: float, moved_bytes: int) -> float:
        far = self._distance
        arrives = sets_out
        if far.connection_bytes_per_second:
            arrives += moved_bytes / far.connection_bytes_per_second
        if far.total_bytes_per_second:
            with self._lock:  # the line that all connections share carries one byte at a time
                starts = max(sets_out, self._line_free_at)
                self._line_free_at = starts + moved_bytes / far.total_bytes_per_second
                arrives = max(arrives, self._line_free_at)
        return arrives

    def _wait_until(self, moment: float) -> None:
        left = moment - self._now()
        if left > 0:
            with self._lock:
                self.waited_seconds += left
            self._wait(left)


class _SlowStream:
    """A range of which each piece takes its time; what nobody reads takes none."""

    def __init__(
        self, inner: ByteStream, sets_out: float, carry: Callable[[float, int], float]
    ) -> None:
        self._inner = inner
        self._free_at = sets_out
        self._carry = carry

    def read_into(self, buffer: memoryview) -> int:
        count = self._inner.read_into(buffer)
        self._free_at = self._carry(self._free_at, count)
        return count

    def skip(self, count: int) -> None:
        self._inner.skip(count)
        self._free_at = self._carry(self._free_at, count)

    def close(self) -> None:
        self._inner.close()
