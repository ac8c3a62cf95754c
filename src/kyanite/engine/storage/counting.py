"""Counts what is asked of a storage: requests and bytes, by operation."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.wrapper import Call, StorageWrapper

_Answer = TypeVar("_Answer")


class CountingStorage(StorageWrapper):
    """``requests`` and ``bytes_moved`` by operation name (``put``, ``get``, …)."""

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner)
        self.requests: Counter[str] = Counter()
        self.bytes_moved: Counter[str] = Counter()
        self._lock = threading.Lock()

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:
        with self._lock:
            self.requests[call.operation] += 1
            self.bytes_moved[call.operation] += call.sent_bytes
        answer = act()
        if isinstance(answer, bytes):
            with self._lock:
                self.bytes_moved[call.operation] += len(answer)
        return answer
