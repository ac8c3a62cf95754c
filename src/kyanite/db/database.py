"""The database: SQLite in a file, or PostgreSQL by URL.

What it promises:

- An answered write survives a power cut: SQLite runs with ``journal_mode=WAL`` and
  ``synchronous=FULL``; PostgreSQL with its own default. Only counts of progress
  (`Database.noting`) do not wait for the disk.
- A transaction that writes takes SQLite's write lock when it begins (``BEGIN IMMEDIATE``), so
  that it can never fail half-way because another one wrote in between.
- A transaction that only reads sees one snapshot on SQLite and never waits for writers.
- Foreign keys are enforced on both.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    InternalError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from kyanite.base.errors import Invalid

_log = structlog.get_logger()

# SQLite has one writer at a time. Transactions here last milliseconds; half a minute covers a
# machine that is short of everything, and ends before a person gives up.
BUSY_TIMEOUT_SECONDS: Final = 30

# A process that is frozen inside a transaction must not keep its row locks for ever:
# PostgreSQL then ends its connection. No transaction here waits for the network that long.
IDLE_IN_TRANSACTION_SECONDS: Final = 60
SHORT_IDLE_IN_TRANSACTION_SECONDS: Final = 3

DATABASE_AWAY: Final = (OperationalError, InterfaceError, InternalError)
"""The database did not do what it was asked, and may do it when asked again: it is not there, a
lock was not to be had, a deadlock was broken, or it closed the connection of a process that had
been frozen (PostgreSQL calls that an internal error)."""

_WAL_PAUSE_SECONDS: Final = 0.01
_POOL_SIZE: Final = 10
_POOL_OVERFLOW: Final = 30

# Transactions that write take milliseconds; a commit on a slow disk now and then a second.
LONG_LOCK_SECONDS: Final = 2.0

# A connection to PostgreSQL that has been idle for longer is tried before it is used.
TRUSTED_SECONDS: Final = 1.0

_USED_AT: Final = "kyanite_used_at"
_WRITES: Final = "kyanite_writes"
_NOTES: Final = "kyanite_notes"
_SYNCHRONOUS: Final = "kyanite_synchronous"
_LOCKED_SINCE: Final = "kyanite_locked_since"
_DATABASE: Final = "kyanite_database"


class Database:
    """One database, shared by all threads of a process. Close it with `dispose`."""

    def __init__(self, url: str) -> None:
        """``url`` is ``sqlite:///path`` or ``postgresql+psycopg://user:password@host/name``.

        Raises `Invalid` for another one. No error of a database shows a value of a statement:
        among them are hashes of passwords and tokens, and sealed secrets.
        """
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            # What the library says may repeat the URL, and with it the password.
            raise Invalid("The address of the database (KYANITE_DATABASE_URL) is no URL.") from None
        self.url = url
        self.kind: Literal["sqlite", "postgresql"]
        if parsed.get_backend_name() == "sqlite":
            self.kind = "sqlite"
            self.engine = _sqlite_engine(url)
        elif parsed.get_backend_name() == "postgresql":
            self.kind = "postgresql"
            self.engine = _postgresql_engine(url)
        else:
            raise Invalid(
                f"Kyanite keeps its data in SQLite or PostgreSQL, not in {parsed.drivername}."
            )
        self._writing_engine = self.engine.execution_options(**{_WRITES: True})
        self._noting_engine = self.engine.execution_options(**{_WRITES: True, _NOTES: True})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads; nothing it changes is kept.

        Rows read in it stay readable afterwards, as they were.
        """
        with self.session_for_reading() as db:
            yield db
            db.expunge_all()
            db.rollback()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is committed when the block ends, and undone when it raises."""
        with self.session_for_writing() as db, db.begin():
            yield db

    @contextmanager
    def writing_briefly(self) -> Iterator[Session]:
        """As `writing`, for a few statements that lock rows which others wait for.

        A process frozen inside it loses its locks after three seconds (PostgreSQL).
        """
        with self.writing() as db:
            self._lose_locks_soon(db)
            yield db

    @contextmanager
    def noting(self) -> Iterator[Session]:
        """As `writing_briefly`, for what a power cut may take back: how far work has come.

        Others see it at once, and it survives the end of the process. Its commit waits for no
        disk: one that is busy takes a second for that now and then, and nobody else can write
        meanwhile.
        """
        with (
            Session(self._noting_engine, expire_on_commit=False, info={_DATABASE: self}) as db,
            db.begin(),
        ):
            self._lose_locks_soon(db)
            if self.kind == "postgresql":
                db.execute(text("SET LOCAL synchronous_commit = off"))
            yield db

    def _lose_locks_soon(self, db: Session) -> None:
        if self.kind == "postgresql":
            milliseconds = SHORT_IDLE_IN_TRANSACTION_SECONDS * 1000
            db.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"))

    @contextmanager
    def changing_schema(self) -> Iterator[Connection]:
        """A transaction that changes tables; all of it happens or nothing.

        SQLite changes a table by making a new one and dropping the old; with foreign keys
        enforced that would delete the rows that refer to it. So they are checked at the end.
        """
        with self._writing_engine.connect() as connection:
            driver = connection.connection.driver_connection
            if not isinstance(driver, sqlite3.Connection):
                with connection.begin():
                    yield connection
                return
            driver.execute("PRAGMA foreign_keys=OFF").close()
            try:
                with connection.begin():
                    yield connection
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                    if broken:
                        raise ValueError(f"rows refer to what is not there: {broken[:3]}")
            finally:
                driver.execute("PRAGMA foreign_keys=ON").close()

    def session_for_reading(self) -> Session:
        """A session that the caller closes."""
        return Session(self.engine, expire_on_commit=False, info={_DATABASE: self})

    def session_for_writing(self) -> Session:
        """A session that the caller commits and closes; its first statement takes the lock."""
        return Session(self._writing_engine, expire_on_commit=False, info={_DATABASE: self})

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def database_of(db: Session) -> Database:
    """The database that a session of ours belongs to."""
    database = db.info[_DATABASE]
    assert isinstance(database, Database)
    return database


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file; the file is made readable for its owner only."""
    # A file that exists is left alone: closing it would drop this process's locks on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    return f"sqlite:///{path}"


def set_pragmas(connection: sqlite3.Connection) -> None:
    """The settings every SQLite connection of Kyanite has, our own and the job engine's."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}").close()
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Of several processes that open a new file together one makes it a WAL file. SQLite does not
    # let the others wait for that, whatever the busy timeout is.
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        assert isinstance(connection, sqlite3.Connection)
        # The driver must not begin transactions by itself: on_begin does.
        connection.isolation_level = None
        set_pragmas(connection)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get(_WRITES, False):
            # Takes no lock and cannot fail; the short way, because every request goes it.
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("BEGIN").close()
            return
        synchronous = "NORMAL" if options.get(_NOTES, False) else "FULL"
        if connection.info.get(_SYNCHRONOUS, "FULL") != synchronous:
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}").close()
            connection.info[_SYNCHRONOUS] = synchronous
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.info[_LOCKED_SINCE] = time.monotonic()

    @event.listens_for(engine, "commit")
    @event.listens_for(engine, "rollback")
    def on_end(connection: Connection) -> None:
        since = connection.info.pop(_LOCKED_SINCE, None)
        if since is not None and time.monotonic() - since > LONG_LOCK_SECONDS:
            # Nobody else could write meanwhile, the leases of jobs included. Whoever did this
            # waited for Azure or a storage inside a transaction that writes.
            seconds = round(time.monotonic() - since, 1)
            _log.warning("a transaction kept the database locked", seconds=seconds)

    return engine


def _postgresql_engine(url: str) -> Engine:
    settings = f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS * 1000}"
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        connect_args={"options": settings, "connect_timeout": 10},
    )

    @event.listens_for(engine, "checkout")
    def on_checkout(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        # The server may have been started anew since. Asking before every transaction would be
        # a third of all that is sent.
        if time.monotonic() - entry.info.get(_USED_AT, 0.0) > TRUSTED_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error

    @event.listens_for(engine, "checkin")
    def on_checkin(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED_AT] = time.monotonic()

    return engine
