"""Freezes its user at one call, as a machine that is suspended, until it is released."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import TypeVar

from kyanite.base.errors import StorageUnavailable
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import Moment
from kyanite.engine.storage.wrapper import WRITES, Call, StorageWrapper

_Answer = TypeVar("_Answer")


class FrozenStorage(StorageWrapper):
    """Blocks the ``freeze_at``-th call of ``operations`` (counted from 1), then goes on.

    With ``meanwhile``, that is called there, in the thread of the call; without it the
    thread stands still until ``release``, and ``wait_until_frozen`` tells that it does.
    """

    def __init__(
        self,
        inner: Storage,
        freeze_at: int,
        moment: Moment = Moment.BEFORE,
        *,
        meanwhile: Callable[[], None] | None = None,
        operations: Collection[str] = WRITES,
        longest_seconds: float = 60.0,
    ) -> None:
        """``longest_seconds``: a test that forgets to release it fails instead of hanging."""
        super().__init__(inner)
        self.seen = 0
        self._freeze_at = freeze_at
        self._moment = moment
        self._meanwhile = meanwhile
        self._operations = operations
        self._longest_seconds = longest_seconds
        self._lock = threading.Lock()
        self._frozen = threading.Event()
        self._released = threading.Event()

    def wait_until_frozen(self, seconds: float = 60.0) -> bool:
        """Whether the call was reached within ``seconds``."""
        return self._frozen.wait(seconds)

    def release(self) -> None:
        """Let the frozen call go on; later calls pass."""
        self._released.set()

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:
        with self._lock:
            strikes = False
            if call.operation in self._operations:
                self.seen += 1
                strikes = self.seen == self._freeze_at
        if not strikes:
            return act()
        if self._moment is Moment.BEFORE:
            self._stand_still()
            return act()
        answer = act()
        self._stand_still()
        return answer

    def _stand_still(self) -> None:
        self._frozen.set()
        if self._meanwhile is not None:
            self._meanwhile()
        elif not self._released.wait(self._longest_seconds):
            raise StorageUnavailable("The storage was frozen and nobody released it.")
