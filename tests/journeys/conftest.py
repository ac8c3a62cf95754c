"""Journeys: the whole house, from the API down to the bytes on the disks of the lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import House, running_house
from support.kill_stage import Stage, running_stage
from support.postgresql import create_database, drop_database


@pytest.fixture(scope="module")
def house_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A lab and appliance with an account and a repository; most stories ask for ``house``."""
    with running_house(tmp_path_factory.mktemp("house")) as house:
        house.connect()
        yield house


@pytest.fixture
def house(house_of_module: House) -> House:
    """One house for all stories of a module, with the plug in and no faults.

    It takes seconds to build one. So stories bring bytes of their own (what is stored already is
    not stored again) and compare with what was there before.
    """
    house_of_module.control.clear_faults()
    house_of_module.let_snapshots_be_taken()
    if not house_of_module.program.is_running:
        house_of_module.start()
    return house_of_module


@pytest.fixture
def house_on_postgresql(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """A house of its own, on a PostgreSQL database of its own."""
    server: str = request.getfixturevalue("postgresql_url")
    name = f"house_{tmp_path.name}"
    url = create_database(server, name)
    with running_house(tmp_path, KYANITE_DATABASE_URL=url) as house:
        house.connect()
        yield house
    drop_database(server, name)


@pytest.fixture(scope="module")
def stage_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A house with one protected machine; kills ask for ``stage``."""
    with running_stage(tmp_path_factory.mktemp("kills")) as stage:
        yield stage


@pytest.fixture
def stage(stage_of_module: Stage) -> Stage:
    """The stage, with the plug in and no faults, however the test before has ended."""
    stage_of_module.house.control.clear_faults()
    if not stage_of_module.house.program.is_running:
        stage_of_module.house.start()
    return stage_of_module
