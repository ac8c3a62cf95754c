"""Fixtures that every test may ask for, and the order of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kyanite.engine.index_cache import keep_caches_in

pytest_plugins = ["support.databases"]

_LONG = Path(__file__).parent / "journeys"


@pytest.fixture(autouse=True)
def no_caches() -> Iterator[None]:
    """An appliance in this process keeps caches for all of it; tests count what is read."""
    keep_caches_in(None)
    yield
    keep_caches_in(None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys first: two processes that share the files of tests then end together."""
    items.sort(key=lambda item: _LONG not in item.path.parents)
