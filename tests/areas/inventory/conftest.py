"""Databases with the tables of the inventory, and an Azure to look at."""

from __future__ import annotations

import pytest

from support.azure_parts import azure, control, parts  # noqa: F401
from support.databases import (  # noqa: F401
    database,
    database_url,
    postgresql_template,
    postgresql_url,
    sqlite_database,
    sqlite_template,
)


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
    )
