"""Databases with the tables of repositories and sessions, and an Azure to keep them in."""

from __future__ import annotations

import pytest

from support.azure_parts import azure, control  # noqa: F401
from support.databases import (  # noqa: F401
    database,
    database_url,
    postgresql_template,
    postgresql_url,
    sqlite_database,
    sqlite_template,
)
from support.repository_parts import repository_parts  # noqa: F401


@pytest.fixture(scope="session")
def table_modules() -> tuple[str, ...]:
    """Those of the area and of what lies below it."""
    return (
        "kyanite.db.uses",
        "kyanite.durable.job_tables",
        "kyanite.durable.session_tables",
        "kyanite.durable.schedule_tables",
        "kyanite.http.tables",
        "kyanite.areas.access.tables",
        "kyanite.areas.appliance.tables",
        "kyanite.areas.accounts.tables",
        "kyanite.areas.inventory.tables",
        "kyanite.areas.repositories.tables",
    )
