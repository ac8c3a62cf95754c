"""Changes of the schema, in order. Each runs on SQLite and PostgreSQL; see `kyanite.db.migrate`."""
