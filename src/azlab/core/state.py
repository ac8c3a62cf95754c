"""What the lab knows, in one SQLite file: JSON documents under (kind, key).

Durability: write-ahead log with `synchronous=NORMAL`. A committed transaction is in the page cache
of the kernel before the commit returns, so it survives SIGKILL of the lab at any moment; only
a power cut may take the last transactions back (consistently), and a lab is thrown away then.
An fsync for each answered request would buy nothing that is promised and cost most of the speed.

One connection behind one lock: transactions run one after the other, which is what makes the
handlers of the lab simple. Data that is large or hot (blobs, pages) is kept elsewhere by its
service.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from azlab.core.json_types import JsonObject, encode, parse_object

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
# Sorts after every key that starts with the prefix: the last code point there is.
_AFTER_ALL = "\U0010ffff"


class Transaction:
    """One atomic change of the state. Keys are folded to one case by the caller."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._after_commit: list[Callable[[], None]] = []

    def get(self, kind: str, key: str) -> JsonObject | None:
        """A fresh copy of the document, or None."""
        row = self._connection.execute(
            "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        return None if row is None else parse_object(row[0])

    def put(self, kind: str, key: str, document: JsonObject) -> None:
        """Create or replace."""
        self._connection.execute(
            "INSERT INTO documents (kind, key, body) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            (kind, key, encode(document)),
        )

    def delete(self, kind: str, key: str) -> bool:
        """Remove; False when there was nothing."""
        done = self._connection.execute(
            "DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)
        )
        return done.rowcount > 0

    def after(
        self, kind: str, prefix: str, part: str, last: str, limit: int
    ) -> list[tuple[str, JsonObject]]:
        """As `list`, but only keys that contain `part` and follow `last`, and at most `limit`."""
        rows = self._connection.execute(
            "SELECT key, body FROM documents WHERE kind = ? AND key > ? AND key < ? "
            "AND instr(key, ?) > 0 ORDER BY key LIMIT ?",
            (kind, max(prefix, last), prefix + _AFTER_ALL, part, limit),
        ).fetchall()
        return [(key, parse_object(body)) for key, body in rows]

    def list(self, kind: str, prefix: str = "") -> list[tuple[str, JsonObject]]:
        """All (key, document) of a kind whose key starts with `prefix`, in order of the key."""
        rows = self._connection.execute(
            "SELECT key, body FROM documents WHERE kind = ? AND key >= ? AND key < ? ORDER BY key",
            (kind, prefix, prefix + _AFTER_ALL),
        ).fetchall()
        return [(key, parse_object(body)) for key, body in rows]

    def first(self, kind: str) -> tuple[str, JsonObject] | None:
        """The document with the smallest key, or None."""
        row = self._connection.execute(
            "SELECT key, body FROM documents WHERE kind = ? ORDER BY key LIMIT 1", (kind,)
        ).fetchone()
        return None if row is None else (row[0], parse_object(row[1]))

    def clear(self) -> None:
        """Forget everything (the reset of the control interface)."""
        self._connection.execute("DELETE FROM documents")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction that is undone by itself when it raises."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO part")
            self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the change is durable: remove a file that nothing names any more.

        It is lost when the process dies in between, so whatever it cleans must also be found by
        the owner's clean-up at start.
        """
        self._after_commit.append(action)


class State:
    """The document store of one lab directory; safe to use from every thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_SCHEMA)
        self._open: Transaction | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing; a nested call of the same thread joins the outer transaction."""
        with self._lock:
            if self._open is not None:
                yield self._open
                return
            self._connection.execute("BEGIN")
            self._open = done = Transaction(self._connection)
            try:
                yield done
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._open = None
        for action in done._after_commit:
            action()

    def close(self) -> None:
        """Close the file; nothing may use the state afterwards."""
        with self._lock:
            self._connection.close()
