"""Keeping the records of sessions quick to list, and no longer than was asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kyanite.areas.appliance.retention_settings import retention_ages
from kyanite.areas.appliance.settings import time_zone
from kyanite.base.clock import Clock
from kyanite.db.database import Database
from kyanite.durable.expiry import remove_sessions
from kyanite.durable.history import close_days
from kyanite.rules.retention import cutoff

_log = logging.getLogger(__name__)

# Records are removed within an hour of their time, not once a night: a setting that was lowered
# because the disk is filling shows its effect the same day.
EVERY: Final = timedelta(hours=1)


class SessionRecords:
    """The chore; any number of processes may do it at a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def tidy(self, go_on: Callable[[], bool] = lambda: True) -> int:
        """Count the days that are over, and remove what is too old; returns how many."""
        now = self._clock.now()
        close_days(self._database, now)
        with self._database.reading() as db:
            age = retention_ages(db).sessions
            zone = ZoneInfo(time_zone(db))
        if age is None:
            return 0
        removed = remove_sessions(self._database, cutoff(now, age, zone), go_on)
        if removed:
            _log.info("removed the records of %d sessions", removed)
        return removed
