"""Who we are in the marks of repositories."""

from __future__ import annotations

import threading

from kyanite.areas.appliance.settings import installation_id
from kyanite.areas.repositories.mark import Owner
from kyanite.db.database import Database


class ThisAppliance:
    """The owner this installation is: an id that outlives restarts, and its name for people."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._known: Owner | None = None
        self._lock = threading.Lock()

    def owner(self) -> Owner:
        """The owner. The first call opens a transaction of its own."""
        with self._lock:
            if self._known is None:
                with self._database.writing() as db:
                    self._known = Owner(installation_id(db), self._name)
            return self._known
