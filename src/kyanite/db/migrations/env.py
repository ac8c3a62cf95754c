"""Run by Alembic. The connection and the metadata are handed in by `kyanite.db.migrate`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, MetaData

connection = context.config.attributes["connection"]
metadata = context.config.attributes["metadata"]
assert isinstance(connection, Connection)
assert isinstance(metadata, MetaData)

context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot change a table in place; Alembic then copies it.
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
