"""These suites need no tables but their own."""

from __future__ import annotations

import pytest

from support.databases import (  # noqa: F401
    DURABLE_MODULES,
    database,
    database_url,
    empty_database,
    postgresql_template,
    postgresql_url,
    sqlite_database,
    sqlite_template,
)


@pytest.fixture(scope="session")
def table_modules() -> tuple[str, ...]:
    return DURABLE_MODULES
