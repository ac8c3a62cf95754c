"""Write the migration for what has changed in the tables.

    python tools/new_migration.py "Add the column x to y"

Compares the tables of the code with a database that has run all migrations, and writes the next
numbered file into ``src/kyanite/db/migrations/versions``. Read it, then run ``ruff format`` on it.

There are rows in the tables that it meets: a new column that may not be null needs a value for
them (``server_default``, and the right value in a second statement; see 0002), new tables that
repeat what others say have to be filled. A migration that was landed is never changed again.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path

from kyanite.db.database import Database, sqlite_url
from kyanite.db.migrate import MIGRATIONS, upgrade, write_migration

SOURCE = Path(__file__).parent.parent / "src"


def import_all_tables() -> None:
    """Import every module that declares a table."""
    for file in sorted((SOURCE / "kyanite").rglob("*.py")):
        if "__tablename__" in file.read_text():
            parts = file.relative_to(SOURCE).with_suffix("").parts
            importlib.import_module(".".join(parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message")
    arguments = parser.parse_args()
    versions = MIGRATIONS / "versions"
    existing = sorted(versions.glob("[0-9]*.py"))
    import_all_tables()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(sqlite_url(Path(folder) / "empty.sqlite"))
        upgrade(database)
        print(write_migration(database, arguments.message, f"{len(existing) + 1:04}"))
        database.dispose()


if __name__ == "__main__":
    main()
