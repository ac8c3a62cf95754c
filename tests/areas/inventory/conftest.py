"""The tables that the inventory needs."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def table_modules() -> tuple[str, ...]:
    """Those of the area and of what lies below it."""
    return (
        "kyanite.db.uses",
        "kyanite.areas.accounts.tables",
        "kyanite.areas.inventory.tables",
    )
