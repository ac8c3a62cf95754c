"""Repeats what may work a moment later.

A put whose answer was lost may meet its own object when repeated; the bytes are then
compared, so that a repeat never hides a foreign object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from kyanite.base.errors import ObjectExists, StorageUnavailable
from kyanite.engine.storage.base import Data, ObjectInfo, Storage

_Result = TypeVar("_Result")
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0


class RetryingStorage:
    """Tries every call up to ``attempts`` times, with doubling pauses in between."""

    def __init__(
        self, inner: Storage, attempts: int = 5, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._inner = inner
        self._attempts = attempts
        self._pause = pause

    def put(self, name: str, data: Data) -> None:
        repeated = False

        def once() -> None:
            nonlocal repeated
            try:
                self._inner.put(name, data)
            except ObjectExists:
                if not repeated or self._inner.get(name) != data:
                    raise
            except StorageUnavailable:
                repeated = True
                raise

        self._repeat(once)

    def get(self, name: str) -> bytes:
        return self._repeat(lambda: self._inner.get(name))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        return self._repeat(lambda: self._inner.get_range(name, offset, length))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return iter(self._repeat(lambda: list(self._inner.list(prefix))))

    def delete(self, name: str) -> None:
        self._repeat(lambda: self._inner.delete(name))

    def size(self, name: str) -> int:
        return self._repeat(lambda: self._inner.size(name))

    def _repeat(self, call: Callable[[], _Result]) -> _Result:
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(self._attempts - 1):
            try:
                return call()
            except StorageUnavailable:
                self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return call()
