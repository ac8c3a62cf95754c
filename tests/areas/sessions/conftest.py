"""The API of sessions and sign-in, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.sessions.routes import routers
from kyanite.db.database import Database
from support.api import ApiUnderTest
from support.databases import (  # noqa: F401
    DURABLE_MODULES,
    database,
    database_url,
    postgresql_template,
    postgresql_url,
    sqlite_database,
    sqlite_template,
)


@pytest.fixture(scope="session")
def table_modules() -> tuple[str, ...]:
    return (
        *DURABLE_MODULES,
        "kyanite.http.tables",
        "kyanite.areas.access.tables",
        "kyanite.areas.appliance.tables",
    )


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:  # noqa: F811
    api = ApiUnderTest(database, routers(), operation_wait_seconds=0.05)
    yield api
    api.close()
