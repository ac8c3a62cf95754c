"""Whether everything that the appliance needs works right now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kyanite.db.database import Database


@dataclass(frozen=True)
class Health:
    """`workers_alive` says whether the job workers of this process run."""

    database: Database
    workers_alive: Callable[[], bool]

    def is_up(self) -> bool:
        """True when the database answers and the workers run."""
        try:
            with self.database.reading() as db:
                db.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return self.workers_alive()
