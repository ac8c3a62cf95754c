"""Fixtures: a fresh database for a test, on SQLite and on PostgreSQL.

Use them by naming this module in a ``conftest.py``::

    from support.databases import *  # noqa: F403

The schema is made once for a test session and copied for each test. The fixture
``table_modules`` names the modules whose tables are wanted; a folder may override it.
"""

from __future__ import annotations

import importlib
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import kyanite
from kyanite.db.database import Database, sqlite_url
from kyanite.db.schema import create_schema
from kyanite.durable.queue import prepare_queue
from support.postgresql import create_database, drop_database, postgresql_server

__all__ = [
    "database",
    "database_url",
    "empty_database",
    "postgresql_template",
    "postgresql_url",
    "sqlite_database",
    "sqlite_template",
    "table_modules",
]

DURABLE_MODULES = (
    "kyanite.db.master_key",
    "kyanite.db.uses",
    "kyanite.durable.job_tables",
    "kyanite.durable.session_tables",
    "kyanite.durable.schedule_tables",
)


def all_table_modules() -> tuple[str, ...]:
    """Every module of the product that declares a table."""
    source = Path(kyanite.__file__).parent
    return tuple(
        ".".join(file.relative_to(source.parent).with_suffix("").parts)
        for file in sorted(source.rglob("*.py"))
        if "__tablename__" in file.read_text()
    )


def import_tables(modules: Sequence[str]) -> None:
    """Import the modules that declare tables."""
    for name in modules:
        importlib.import_module(name)


def make_schema(url: str, modules: Sequence[str]) -> None:
    """The tables of ``modules``, and those of the job queue."""
    import_tables(modules)
    database = Database(url)
    create_schema(database)
    prepare_queue(database)
    database.dispose()


@pytest.fixture(scope="session")
def table_modules() -> tuple[str, ...]:
    """The modules whose tables the databases of the tests have."""
    return all_table_modules()


@pytest.fixture(scope="session")
def sqlite_template(
    tmp_path_factory: pytest.TempPathFactory, table_modules: tuple[str, ...]
) -> Path:
    """A SQLite file with the schema and nothing in it."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    make_schema(sqlite_url(path), table_modules)
    return path


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server, started once for the test session."""
    with postgresql_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str, table_modules: tuple[str, ...]) -> str:
    """The name of a PostgreSQL database with the schema and nothing in it."""
    make_schema(create_database(postgresql_url, "template_kyanite"), table_modules)
    return "template_kyanite"


KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table; the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        database = Database(sqlite_url(tmp_path / "empty.sqlite"))
        yield database
        database.dispose()
        return
    server: str = request.getfixturevalue("postgresql_url")
    name = f"test_{uuid.uuid4().hex}"
    database = Database(create_database(server, name))
    yield database
    database.dispose()
    drop_database(server, name)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with the schema; the test runs on both kinds."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "kyanite.sqlite")
        yield sqlite_url(tmp_path / "kyanite.sqlite")
        return
    server: str = request.getfixturevalue("postgresql_url")
    source: str = request.getfixturevalue("postgresql_template")
    name = f"test_{uuid.uuid4().hex}"
    yield create_database(server, name, source)
    drop_database(server, name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database with the schema; the test runs on SQLite and on PostgreSQL."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh SQLite database with the schema, for tests where the kind does not matter."""
    shutil.copy(sqlite_template, tmp_path / "kyanite.sqlite")
    database = Database(sqlite_url(tmp_path / "kyanite.sqlite"))
    yield database
    database.dispose()
