"""Fails on command: what a crash, a refusal or a lost answer leaves can be seen then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from enum import Enum
from typing import TypeVar

from kyanite.base.errors import StorageUnavailable
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.wrapper import WRITES, Call, StorageWrapper

_Answer = TypeVar("_Answer")


class Moment(Enum):
    """When a call strikes: before it is applied, or after (the answer is lost)."""

    BEFORE = "before"
    AFTER = "after"


class FaultyStorage(StorageWrapper):
    """Fails the ``fail_at``-th call of ``operations``, counted from 1.

    ``dead``: everything after it fails too, as for a process that died. ``seen`` counts the
    calls of ``operations`` that reached the storage.
    """

    def __init__(
        self,
        inner: Storage,
        fail_at: int,
        moment: Moment = Moment.BEFORE,
        *,
        dead: bool = True,
        operations: Collection[str] = WRITES,
    ) -> None:
        super().__init__(inner)
        self.seen = 0
        self._fail_at = fail_at
        self._moment = moment
        self._dies = dead
        self._operations = operations
        self._lock = threading.Lock()
        self._is_dead = False

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:
        with self._lock:
            if self._is_dead:
                raise StorageUnavailable("The storage does not answer any more.")
            number = 0
            if call.operation in self._operations:
                self.seen += 1
                number = self.seen
            strikes = number == self._fail_at
            if strikes and self._dies:
                self._is_dead = True
        if not strikes:
            return act()
        if self._moment is Moment.AFTER:
            act()
        raise StorageUnavailable(f"Call {number} ({call.operation} {call.name}) failed.")
