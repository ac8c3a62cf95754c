"""A storage that fails on command: what a crash or a lost answer leaves can be seen then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from enum import Enum

from kyanite.base.errors import StorageUnavailable
from kyanite.engine.storage.base import Data, ObjectInfo, Storage


class Moment(Enum):
    """When a call fails: before it is applied, or after (the answer is lost)."""

    BEFORE = "before"
    AFTER = "after"


class FaultyStorage:
    """Fails the n-th write (``put`` or ``delete``, counted from 1); ``dead``: and all later calls.

    ``frozen_at`` is called instead of failing, when given: a test can do other things
    there while this storage's user seems to be frozen.
    """

    def __init__(
        self,
        inner: Storage,
        fail_at: int,
        moment: Moment,
        *,
        dead: bool = True,
        frozen_at: Callable[[], None] | None = None,
    ) -> None:
        self._inner = inner
        self._fail_at = fail_at
        self._moment = moment
        self._dead = dead
        self._frozen_at = frozen_at
        self._lock = threading.Lock()
        self._is_dead = False
        self.writes = 0

    def put(self, name: str, data: Data) -> None:
        self._write(name, lambda: self._inner.put(name, data))

    def delete(self, name: str) -> None:
        self._write(name, lambda: self._inner.delete(name))

    def get(self, name: str) -> bytes:
        self._check()
        return self._inner.get(name)

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        self._check()
        return self._inner.get_range(name, offset, length)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._check()
        return self._inner.list(prefix)

    def size(self, name: str) -> int:
        self._check()
        return self._inner.size(name)

    def _check(self) -> None:
        if self._is_dead:
            raise StorageUnavailable("The storage does not answer (test).")

    def _write(self, name: str, apply: Callable[[], None]) -> None:
        with self._lock:
            self._check()
            self.writes += 1
            strikes = self.writes == self._fail_at
            if strikes and self._frozen_at is None and self._dead:
                self._is_dead = True
        if not strikes:
            apply()
            return
        if self._moment is Moment.AFTER:
            apply()
        if self._frozen_at is not None:
            self._frozen_at()
            if self._moment is Moment.BEFORE:
                apply()
            return
        raise StorageUnavailable(f"Write {self.writes} ({name}) fails (test).")
