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
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from kyanite.base.errors import Invalid
from kyanite.db.database import Database
from kyanite.db.tables import Base

MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Any number that no other user of advisory locks in this database has.
_LOCK: Final = 0x4B59414E


def upgrade(database: Database, revision: str = "head") -> None:
    """Run all migrations that ``database`` has not seen yet, up to a revision.

    Raises ``Invalid`` when a newer version has migrated it further than this one knows.
    """
    with database.changing_schema() as connection:
        if database.kind == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = _config(connection)
        _require_known(connection, config)
        command.upgrade(config, revision)


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


def _require_known(connection: Connection, config: Config) -> None:
    present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise Invalid(
            "The database was written by a newer version of the appliance; this one cannot use "
            "it. Install the newer version, or put back a copy from before the upgrade."
        )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = Base.metadata
    return config
