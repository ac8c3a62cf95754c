"""Journeys: the whole house, from the API down to the bytes on the disks of the lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import House, running_house
from support.postgresql import create_database, drop_database


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A fresh lab and appliance with an account and a repository."""
    with running_house(tmp_path) as house:
        house.connect()
        yield house


@pytest.fixture
def house_on_postgresql(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """The same on a PostgreSQL database of its own."""
    server: str = request.getfixturevalue("postgresql_url")
    name = f"house_{tmp_path.name}"
    url = create_database(server, name)
    with running_house(tmp_path, KYANITE_DATABASE_URL=url) as house:
        house.connect()
        yield house
    drop_database(server, name)
