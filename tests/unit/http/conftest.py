"""The example routes behind the real toolkit, on a database of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.db.database import Database
from support.api import ApiUnderTest
from support.example_routes import Seen, example_routes


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def api(seen: Seen, sqlite_database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(sqlite_database, [example_routes(seen)], operation_wait_seconds=0.2)
    yield api
    seen.may_end.set()
    api.close()
