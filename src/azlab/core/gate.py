"""Lets requests through, except while the lab is being reset."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Many requests pass at once; `closed` waits until none is inside and keeps new ones out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside for the length of a `with`."""
        with self._changed:
            while self._shut:
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self, patience_seconds: float) -> Iterator[None]:
        """Nobody is inside for the length of a `with`. TimeoutError when they do not leave."""
        deadline = time.monotonic() + patience_seconds
        with self._changed:
            while self._shut or self._inside:
                self._shut_wait(deadline)
            self._shut = True
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()

    def _shut_wait(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("requests are still running")
        self._changed.wait(left)
