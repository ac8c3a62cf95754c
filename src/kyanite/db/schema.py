"""The schema as the models say it: for tests and for comparing with the migrations."""

from __future__ import annotations

from kyanite.db.database import Database
from kyanite.db.tables import Base


def create_schema(database: Database) -> None:
    """Create every table that has been imported so far. The product runs migrations instead."""
    Base.metadata.create_all(database.engine)
