"""The whole API of the areas that need no Azure, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.access.routes import routers as access_routers
from kyanite.areas.appliance.routes import routers as appliance_routers
from kyanite.db.database import Database
from support.api import ApiUnderTest


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(database, [*access_routers(), *appliance_routers()])
    yield api
    api.close()
