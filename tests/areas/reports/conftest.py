"""The API of the reports, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.reports.routes import routers
from kyanite.db.database import Database
from support.api import ApiUnderTest


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(database, routers())
    yield api
    api.close()
