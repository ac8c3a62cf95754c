"""Repeats calls that failed for a reason of the moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from kyanite.base.errors import ObjectExists, StorageUnavailable
from kyanite.engine.storage.base import Data, Storage
from kyanite.engine.storage.wrapper import Call, StorageWrapper

_Answer = TypeVar("_Answer")
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 20.0


class RetryingStorage(StorageWrapper):
    """Repeats on ``StorageUnavailable``, ``tries`` tries in all, with growing pauses.

    A put whose answer was lost meets its own object: it has succeeded when that is, byte by
    byte, what was to be put.
    """

    def __init__(
        self, inner: Storage, tries: int = 6, wait: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(inner)
        self._tries = tries
        self._wait = wait

    def put(self, name: str, data: Data) -> None:
        tried = 0

        def put() -> None:
            nonlocal tried
            tried += 1
            try:
                self.inner.put(name, data)
            except ObjectExists:
                if tried == 1 or self.inner.get(name) != bytes(data):
                    raise

        self._around(Call("put", name), put)

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:  # noqa: ARG002
        for tried in range(1, self._tries):
            try:
                return act()
            except StorageUnavailable:
                self._wait(_pause_seconds(tried))
        return act()


def _pause_seconds(tried: int) -> float:
    """Twice as long each time, and hardly ever the same for two users."""
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** (tried - 1))
    return random.uniform(longest / 2, longest)
