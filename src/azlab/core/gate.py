"""Lets requests through, except while the lab is being reset."""

import threading
import time
from collections.abc import Callable, Iterator
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
            self._wait_until(lambda: not self._shut, deadline)
            # Shut first and wait then: under steady load somebody is always inside.
            self._shut = True
        try:
            with self._changed:
                self._wait_until(lambda: not self._inside, deadline)
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()

    def _wait_until(self, condition: Callable[[], bool], deadline: float) -> None:
        if not self._changed.wait_for(condition, max(0.0, deadline - time.monotonic())):
            raise TimeoutError("requests are still running")
