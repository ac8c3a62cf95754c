"""What a transaction promises."""

from __future__ import annotations

import sqlite3
import stat
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, ForeignKey, Integer, String, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from structlog.testing import capture_logs

from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonValue
from kyanite.db.database import LONG_LOCK_SECONDS, Database, set_pragmas, sqlite_url
from kyanite.db.tables import Json, UtcDateTime
from kyanite.db.unit_of_work import unit_of_work
from support.waiting import eventually


class OwnTables(DeclarativeBase):
    pass


class Thing(OwnTables):
    __tablename__ = "test_things"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    data: Mapped[JsonValue] = mapped_column(Json, nullable=True)


class Part(OwnTables):
    __tablename__ = "test_parts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    thing_id: Mapped[str] = mapped_column(ForeignKey("test_things.id", ondelete="CASCADE"))


@pytest.fixture
def things(database: Database) -> Database:
    OwnTables.metadata.create_all(database.engine)
    return database


def ids(database: Database) -> list[str]:
    with database.reading() as db:
        return list(db.execute(select(Thing.id).order_by(Thing.id)).scalars())


def test_processes_that_open_a_new_file_together_wait_for_each_other(tmp_path: Path) -> None:
    errors: list[Exception] = []
    for number in range(60):  # without the waiting, every twentieth file or so
        path = tmp_path / f"{number}.db"
        together = threading.Barrier(4)

        def first_connection(path: Path = path, together: threading.Barrier = together) -> None:
            connection = sqlite3.connect(path, isolation_level=None)
            together.wait()
            try:
                set_pragmas(connection)
            except sqlite3.OperationalError as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=first_connection) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []


def test_a_transaction_that_raises_leaves_nothing(things: Database) -> None:
    def write_and_fail() -> None:
        with things.writing() as db:
            db.add(Thing(id="a"))
            db.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert ids(things) == []


def test_a_unit_of_work_is_committed_once_at_its_end(things: Database) -> None:
    with unit_of_work(things, writes=True) as work:
        work.db.add(Thing(id="a"))
        work.db.flush()
        if things.kind == "postgresql":  # on SQLite a reader would read before the commit, too
            assert ids(things) == []
    assert ids(things) == ["a"]
    with unit_of_work(things, writes=False) as work:
        work.db.add(Thing(id="b"))
        work.db.flush()
    assert ids(things) == ["a"]


def test_rows_read_stay_readable_after_the_transaction(things: Database) -> None:
    with things.writing() as db:
        db.add(Thing(id="a", data={"x": [1, None, "ü"]}))
    with things.reading() as db:
        row = db.get_one(Thing, "a")
    assert row.data == {"x": [1, None, "ü"]}


def test_two_writers_wait_for_each_other_and_lose_no_update(things: Database) -> None:
    with things.writing() as db:
        db.add(Thing(id="counter", data=0))

    def count() -> None:
        for _ in range(20):
            with things.writing() as db:
                row = db.get_one(Thing, "counter", with_for_update=True)
                assert isinstance(row.data, int)
                row.data = row.data + 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with things.reading() as db:
        assert db.get_one(Thing, "counter").data == 80


def test_foreign_keys_are_enforced_and_cascade(things: Database) -> None:
    with pytest.raises(IntegrityError), things.writing() as db:
        db.add(Part(id="p", thing_id="missing"))
    with things.writing() as db:
        db.add(Thing(id="a"))
        db.flush()
        db.add(Part(id="p", thing_id="a"))
    with things.writing() as db:
        db.execute(text("DELETE FROM test_things"))
    with things.reading() as db:
        assert db.get(Part, "p") is None


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(things: Database) -> None:
    with things.writing() as db:
        db.add(Thing(id="a"))
        db.flush()
        db.add(Part(id="p", thing_id="a"))
    with things.changing_schema() as connection:
        operations = Operations(MigrationContext.configure(connection))
        rebuild: Literal["always", "never"] = "always" if things.kind == "sqlite" else "never"
        with operations.batch_alter_table("test_things", recreate=rebuild) as table:
            table.add_column(Column("size", Integer))
    with things.reading() as db:
        assert db.get(Part, "p") is not None
        assert db.execute(text("SELECT size FROM test_things")).scalars().all() == [None]
    with pytest.raises(IntegrityError), things.writing() as db:
        db.add(Part(id="q", thing_id="missing"))


def test_times_come_back_in_utc_with_microseconds(things: Database) -> None:
    moment = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with things.writing() as db:
        db.add(Thing(id="a", at=moment))
    with things.reading() as db:
        stored = db.get_one(Thing, "a").at
        assert db.execute(select(Thing.id).where(Thing.at <= moment)).scalars().all() == ["a"]
    assert stored == moment
    assert stored is not None
    assert stored.tzinfo is UTC
    assert stored.microsecond == 123456


def test_a_time_without_zone_is_refused(things: Database) -> None:
    with pytest.raises(StatementError, match="time zone"), things.writing() as db:
        db.add(Thing(id="a", at=datetime(2026, 1, 1)))


def test_sqlite_survives_a_power_cut_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "kyanite.sqlite"
    database = Database(sqlite_url(path))
    with database.reading() as db:
        pragmas = {
            name: db.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }
    for file in (path, *tmp_path.glob("kyanite.sqlite-*")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    database.dispose()


def test_only_a_note_of_progress_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "kyanite.sqlite"))
    with database.noting() as db:
        noting = db.execute(text("PRAGMA synchronous")).scalar()
    with database.writing() as db:  # on the same connection, from the pool
        writing = db.execute(text("PRAGMA synchronous")).scalar()
    assert (noting, writing) == (1, 2)  # NORMAL, FULL
    database.dispose()


@pytest.mark.postgres
def test_only_a_note_of_progress_does_not_wait_for_the_disk_on_postgresql(
    postgresql_url: str,
) -> None:
    database = Database(postgresql_url)
    with database.noting() as db:
        noting = db.execute(text("SHOW synchronous_commit")).scalar()
    with database.writing() as db:
        writing = db.execute(text("SHOW synchronous_commit")).scalar()
    assert noting == "off"
    assert writing != "off"
    database.dispose()


def test_other_databases_are_refused() -> None:
    with pytest.raises(Invalid, match="SQLite or PostgreSQL"):
        Database("mysql://localhost/kyanite")


def test_a_transaction_that_keeps_others_from_writing_for_long_is_reported(
    tmp_path: Path,
) -> None:
    database = Database(sqlite_url(tmp_path / "kyanite.sqlite"))
    with capture_logs() as logged:
        with database.writing() as db:
            db.execute(text("SELECT 1"))
        assert logged == []
        with database.writing() as db:
            db.execute(text("SELECT 1"))
            until = time.monotonic() + LONG_LOCK_SECONDS + 0.1
            eventually(lambda: time.monotonic() > until)
    assert [entry["event"] for entry in logged] == ["a transaction kept the database locked"]
    database.dispose()
