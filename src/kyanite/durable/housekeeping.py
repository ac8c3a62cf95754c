"""What every process does for all, again and again: look for the dead, take over, tidy up."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from kyanite.db.database import Database
from kyanite.durable.lease import Membership, Timing, Watch
from kyanite.durable.queue import queue_of
from kyanite.durable.takeover import forget_dead, requeue_forgotten, sweep, sweep_queue
from kyanite.durable.worker import Worker

_QUEUE_SECONDS: Final = 2.0
_FORGOTTEN_SECONDS: Final = 5.0
_TIDY_SECONDS: Final = 300.0
_KEEP_ENDED: Final = timedelta(hours=1)


class Housekeeping:
    """The sweeper of one process; `sweep` is called about once a second, by one thread."""

    def __init__(
        self, database: Database, membership: Membership, worker: Worker, timing: Timing
    ) -> None:
        self._database = database
        self._membership = membership
        self._worker = worker
        self._watch = Watch(timing)
        self._due = {"queue": 0.0, "forgotten": 0.0, "tidy": time.monotonic() + _TIDY_SECONDS}

    def sweep(self) -> None:
        """Do whatever is due."""
        sweep(self._database, self._watch, self._membership.beats)
        if self._is_due("queue", _QUEUE_SECONDS):
            sweep_queue(self._database)
        if self._is_due("forgotten", _FORGOTTEN_SECONDS):
            requeue_forgotten(self._database, self._membership.id, self._worker.works_on)
        if self._is_due("tidy", _TIDY_SECONDS):
            queue_of(self._database).forget_ended(older_than=_KEEP_ENDED)
            forget_dead(self._database, older_than=_KEEP_ENDED)

    def _is_due(self, what: str, every_seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_seconds
        return True
