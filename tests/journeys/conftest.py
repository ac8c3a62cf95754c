"""Journeys: the whole house, from the API down to the bytes on the disks of the lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.databases import postgresql_url  # noqa: F401
from support.house import House, running_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A fresh lab and appliance with an account and a repository."""
    with running_house(tmp_path) as house:
        house.connect()
        yield house
