"""One SQLite connection, one writer at a time.

Every decision of the service (does it exist, is it leased, may it be overwritten) is taken inside
a transaction that holds the only lock, so racing requests have exactly one winner. Bodies are
streamed to files outside of it. A committed transaction is in the operating system's hands and so
survives SIGKILL. Nothing is synced: that would only help against a power cut, and a sync of the
small file can wait for gigabytes of contents that are being written beside it.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from azlab.services.storage_blob.store.content import ContentFiles
from azlab.services.storage_blob.store.schema import ADDED_COLUMNS, INDEXES, SCHEMA, TABLES


class Transaction:
    """What is done together or not at all. Valid inside `Database.transaction()` only."""

    def __init__(self, connection: sqlite3.Connection, etags: "EtagSource") -> None:
        self.sql = connection
        self._etags = etags
        self._released: set[str] = set()

    def next_etag(self) -> str:
        return self._etags.next()

    def release(self, content_ids: Iterable[str]) -> None:
        """Says that rows referring to these contents were deleted."""
        self._released.update(content_ids)

    def unreferenced(self) -> list[str]:
        return [content_id for content_id in self._released if not is_referenced(self, content_id)]


def is_referenced(tx: Transaction, content_id: str) -> bool:
    row = tx.sql.execute(
        "SELECT EXISTS (SELECT 1 FROM segments WHERE content_id = ?1)"
        " OR EXISTS (SELECT 1 FROM uncommitted_blocks WHERE content_id = ?1)",
        (content_id,),
    ).fetchone()
    return bool(row[0])


class EtagSource:
    """ETags that never repeat: ticks of the real clock, moved on where two fall together."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        self._last = max(self._last + 1, time.time_ns() // 100)
        return f"0x8D{self._last & 0xFFFFFFFFFFFFF:013X}"


class Database:
    """Opens (or makes) `folder/blobs.sqlite` and sweeps contents nobody refers to."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.content = ContentFiles(folder / "content")
        self._lock = threading.Lock()
        self._etags = EtagSource()
        self._connection = sqlite3.connect(
            folder / "blobs.sqlite", check_same_thread=False, isolation_level=None
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(SCHEMA)
        self._add_columns()
        self._connection.executescript(INDEXES)
        with self.transaction() as tx:
            self.content.remove_unreferenced(lambda content_id: is_referenced(tx, content_id))

    def _add_columns(self) -> None:
        """Brings the tables of an older lab up to date."""
        for table, columns in ADDED_COLUMNS.items():
            known = {row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")}
            for name, declaration in columns.items():
                if name not in known:
                    self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {declaration}")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits at the end of the block, rolls back if it raises. Not reentrant.

        Do not ask for accounts or roles inside: those lie under the lock of the lab's state, whose
        holders come here to delete the contents of an account.
        """
        with self._lock:
            tx = Transaction(self._connection, self._etags)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield tx
                gone = tx.unreferenced()
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        # Without the lock, as it takes its time: no row names these any more, so none ever will.
        self.content.discard(gone)

    def empty(self) -> None:
        """Forgets everything: rows and contents."""
        with self.transaction() as tx:
            for table in TABLES:
                tx.sql.execute(f"DELETE FROM {table}")
        with self._lock:
            self.content.remove_unreferenced(lambda _: False)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
