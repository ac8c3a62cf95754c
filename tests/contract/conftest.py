"""One inhabited appliance for all tests of the contract; they must not mind each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.inhabited import Inhabited, inhabited


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    with inhabited(tmp_path_factory.mktemp("appliance")) as home:
        yield home


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
