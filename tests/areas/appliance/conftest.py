"""The API of the appliance's settings, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.appliance.routes import routers
from kyanite.db.database import Database
from support.api import ApiUnderTest


@pytest.fixture
def settings_api(database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(database, routers())
    yield api
    api.close()
