"""Fixtures that every test may ask for, and the order of the tests."""

from pathlib import Path

import pytest

pytest_plugins = ["support.databases"]

_LONG = Path(__file__).parent / "journeys"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys first: two processes that share the files of tests then end together."""
    items.sort(key=lambda item: _LONG not in item.path.parents)
