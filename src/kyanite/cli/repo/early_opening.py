"""Opening a repository while the rest of a command is still being imported.

Stretching a password takes as long as importing the engine, and needs another core.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from kyanite.base.errors import KyaniteError
from kyanite.engine import small_seals
from kyanite.engine.opening import Opened, open_with_secret
from kyanite.engine.storage.base import Storage

if TYPE_CHECKING:
    from kyanite.engine.repository import Repository


class EarlyOpening:
    """Begins at once; ``repository`` waits for the end."""

    def __init__(self, storage: Storage, secret: str) -> None:
        self._storage = storage
        self._secret = secret
        self._opened: Opened | None = None
        self._failure: KyaniteError | OSError | None = None
        self._thread = threading.Thread(target=self._open, name="kyanite-open", daemon=True)
        self._thread.start()
        small_seals.load()

    def repository(self) -> Repository:
        """The repository. Raises what opening it raises."""
        from kyanite.base.clock import SystemClock
        from kyanite.engine.repository import Repository

        self._thread.join()
        if self._failure is not None:
            raise self._failure
        assert self._opened is not None, "the thread has ended with an answer or a failure"
        return Repository(self._storage, self._opened.keys, self._opened.settings, SystemClock())

    def _open(self) -> None:
        try:
            self._opened = open_with_secret(self._storage, self._secret)
        except (KyaniteError, OSError) as error:  # raised again by whoever waits
            self._failure = error
