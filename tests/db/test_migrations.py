"""The migrations lead to exactly the tables of the code, on both databases."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import inspect, text

from kyanite.base.errors import Invalid
from kyanite.db.database import Database
from kyanite.db.migrate import MIGRATIONS, differences, upgrade
from kyanite.durable.queue import prepare_queue
from support.databases import import_all_tables


@pytest.fixture(autouse=True, scope="module")
def _all_tables() -> None:
    import_all_tables()


def test_an_empty_database_becomes_what_the_code_expects(empty_database: Database) -> None:
    upgrade(empty_database)
    assert differences(empty_database) == []


def test_migrating_again_changes_nothing(empty_database: Database) -> None:
    upgrade(empty_database)
    before = inspect(empty_database.engine).get_table_names()
    upgrade(empty_database)
    assert inspect(empty_database.engine).get_table_names() == before


def test_two_processes_that_start_together_both_find_the_schema(
    empty_database: Database,
) -> None:
    errors: list[Exception] = []

    def start() -> None:
        database = Database(empty_database.url)
        try:
            upgrade(database)
            prepare_queue(database)
        except Exception as error:
            errors.append(error)
        finally:
            database.dispose()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert "sessions" in inspect(empty_database.engine).get_table_names()


def test_migrations_are_numbered_in_order_without_gaps() -> None:
    names = sorted(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]


def test_a_database_of_a_newer_version_is_refused_and_left_alone(empty_database: Database) -> None:
    upgrade(empty_database)
    with empty_database.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Invalid, match="newer version"):
        upgrade(empty_database)
    with empty_database.reading() as db:
        assert db.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
