"""One inhabited appliance for the tests of a module, on SQLite and, in the long run, PostgreSQL.

They must not mind each other. What need not run on both says so: `ON_SQLITE` in support.databases.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from support.databases import LATER_KINDS
from support.inhabited import Inhabited, inhabited
from support.postgresql import create_database, drop_database


@pytest.fixture(scope="module", params=LATER_KINDS)
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Inhabited]:
    folder = tmp_path_factory.mktemp("appliance")
    if request.param == "sqlite":
        with inhabited(folder) as home:
            yield home
        return
    server: str = request.getfixturevalue("postgresql_url")
    name = f"test_{uuid.uuid4().hex}"
    with inhabited(folder, create_database(server, name)) as home:
        yield home
    drop_database(server, name)


@pytest.fixture(scope="module")
def shared_headers(home: Inhabited) -> dict[str, str]:
    return home.headers()


@pytest.fixture
def headers(
    home: Inhabited, shared_headers: dict[str, str], request: pytest.FixtureRequest
) -> dict[str, str]:
    """A token; of its own for the operation that ends it."""
    name = getattr(request.node, "callspec", None)
    signs_out = name is not None and name.params.get("name") == "Login_Logout"
    return home.headers() if signs_out else shared_headers
