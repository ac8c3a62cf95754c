"""The area over both databases."""

from collections.abc import Iterator

import pytest

from kyanite.db.database import Database
from support.azure_parts import AzureParts
from support.lab import Azure


@pytest.fixture
def both(database: Database, azure: Azure) -> Iterator[AzureParts]:
    """The areas over a fresh database; the test runs on SQLite and on PostgreSQL."""
    parts = AzureParts(database, azure)
    yield parts
    parts.close()
