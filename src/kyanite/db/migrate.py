"""Bringing a database up to date: the migrations in ``migrations/versions``, each once.

Several processes may start at the same time: one migrates, the others wait and find it done.
All pending migrations are one transaction, so a crash in the middle leaves the old schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text

from kyanite.db.database import Database
from kyanite.db.tables import Base

MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Any number that no other user of advisory locks in this database has.
_LOCK: Final = 0x4B59414E


def upgrade(database: Database) -> None:
    """Run all migrations that ``database`` has not seen yet."""
    with database.changing_schema() as connection:
        if database.kind == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(_config(connection), "head")


def write_migration(database: Database, message: str, number: str) -> Path:
    """Write the migration that brings ``database`` to the tables imported now; for developers."""
    with database.writing() as db:
        script = command.revision(
            _config(db.connection()), message, autogenerate=True, rev_id=number
        )
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def differences(database: Database, metadata: MetaData = Base.metadata) -> list[object]:
    """What is different between the schema of ``database`` and the tables imported now."""
    with database.reading() as db:
        options = {"compare_type": True}
        context = MigrationContext.configure(db.connection(), opts=options)
        return list(compare_metadata(context, metadata))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = Base.metadata
    return config
