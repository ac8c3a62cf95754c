"""The API of sessions and sign-in, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.sessions.routes import routers
from kyanite.db.database import Database
from support.api import ApiUnderTest


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(database, routers(), operation_wait_seconds=0.05)
    yield api
    api.close()
