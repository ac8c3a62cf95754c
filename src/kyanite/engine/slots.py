"""A number of things at once that may be changed while they run."""

from __future__ import annotations

import threading
from types import TracebackType


class Slots:
    """So many at once; ``None``: as many as like. Use as a context."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._taken = 0
        self._changed = threading.Condition()

    def change(self, most: int | None) -> None:
        """The new number counts at once for those who wait; nobody is interrupted."""
        with self._changed:
            self._most = None if most is None else max(1, most)
            self._changed.notify_all()

    def take(self, timeout_seconds: float | None = None) -> bool:
        """Wait for a slot; ``False``: there was none in time."""
        with self._changed:
            free = self._changed.wait_for(
                lambda: self._most is None or self._taken < self._most, timeout_seconds
            )
            self._taken += free
            return free

    def give_back(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.give_back()
