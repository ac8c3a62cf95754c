"""The areas over an Azure, with the configuration check."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.db.database import Database
from support.checked_parts import CheckedParts
from support.lab import Azure


@pytest.fixture
def house(sqlite_database: Database, azure: Azure) -> Iterator[CheckedParts]:
    """With an account, and no repository yet."""
    house = CheckedParts(sqlite_database, azure)
    yield house
    house.close()
