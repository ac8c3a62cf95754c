"""Connection, unit of work, secrets at rest, migrations: the database below every area."""
