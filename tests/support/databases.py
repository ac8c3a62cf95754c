"""Fixtures: a fresh database for a test, on SQLite and on PostgreSQL.

``tests/conftest.py`` names this module, so every test may ask for them. The schema is made once
for a test session and copied for each test.
"""

from __future__ import annotations

import importlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import kyanite
from kyanite.db.database import Database, sqlite_url
from kyanite.db.tables import Base
from kyanite.durable.queue import prepare_queue
from support.postgresql import create_database, drop_database, postgresql_server


def _table_modules() -> tuple[str, ...]:
    """Every module of the product that declares a table."""
    source = Path(kyanite.__file__).parent
    return tuple(
        ".".join(file.relative_to(source.parent).with_suffix("").parts)
        for file in sorted(source.rglob("*.py"))
        if "__tablename__" in file.read_text()
    )


def import_all_tables() -> None:
    """Make every table of the product known to its metadata."""
    for name in _table_modules():
        importlib.import_module(name)


def make_schema(url: str) -> None:
    """Every table of the product, and those of the job queue."""
    import_all_tables()
    database = Database(url)
    Base.metadata.create_all(database.engine)
    prepare_queue(database)
    database.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing in it."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    make_schema(sqlite_url(path))
    return path


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server, started once for the test session."""
    with postgresql_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str) -> str:
    """The name of a PostgreSQL database with the schema and nothing in it."""
    make_schema(create_database(postgresql_url, "template_kyanite"))
    return "template_kyanite"


KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))
# PostgreSQL with `make test-all` only: for what takes long and asks little of the database.
LATER_KINDS = (
    "sqlite",
    pytest.param("postgresql", marks=(pytest.mark.postgres, pytest.mark.slow)),
)
# For tests of which one kind is enough.
ON_SQLITE = pytest.mark.parametrize("home", ["sqlite"], indirect=True, scope="module")


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
