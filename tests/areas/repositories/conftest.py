"""An appliance that several tests of a module share; each makes repositories of its own.

A process carries out the jobs of one appliance at a time: a module takes one of these, or
``repository_parts``, and never both.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyanite.db.database import Database, sqlite_url
from support.databases import LATER_KINDS
from support.lab import Azure
from support.postgresql import create_database, drop_database
from support.repository_parts import RepositoryParts


@pytest.fixture(scope="module")
def lasting_parts(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, azure: Azure
) -> Iterator[RepositoryParts]:
    """The areas over one SQLite database."""
    path = tmp_path_factory.mktemp("database") / "kyanite.sqlite"
    shutil.copy(sqlite_template, path)
    yield from _parts(sqlite_url(path), azure)


@pytest.fixture(scope="module", params=LATER_KINDS)
def parts_on_both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, azure: Azure
) -> Iterator[RepositoryParts]:
    """The areas over one database; each test runs on SQLite and, in the long run, PostgreSQL."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path_factory.mktemp("database") / "kyanite.sqlite"
        shutil.copy(template, path)
        yield from _parts(sqlite_url(path), azure)
        return
    server: str = request.getfixturevalue("postgresql_url")
    source: str = request.getfixturevalue("postgresql_template")
    name = f"test_{uuid.uuid4().hex}"
    yield from _parts(create_database(server, name, source), azure)
    drop_database(server, name)


def _parts(url: str, azure: Azure) -> Iterator[RepositoryParts]:
    database = Database(url)
    parts = RepositoryParts(database, azure)
    yield parts
    parts.close()
    database.dispose()
