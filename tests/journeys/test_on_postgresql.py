"""The first path again, with the appliance's database on PostgreSQL."""

from __future__ import annotations

import pytest

from demo.shape import differences, shape_of
from support.disk_contents import MIB, change, is_on_disk, write_noise
from support.house import House

pytestmark = pytest.mark.postgres


def test_a_machine_is_protected_lost_and_restored_on_postgresql(
    house_on_postgresql: House,
) -> None:
    house = house_on_postgresql
    assert not list(house.data.glob("kyanite.db*")), "nothing is kept beside PostgreSQL"
    machine = house.largest_machine()
    first = [
        write_noise(house, disk_id, 6 * MIB, seed) for seed, disk_id in enumerate(machine.disk_ids)
    ]
    policy = house.policy("daily", [machine])
    for session_id in house.run_policy(policy):
        house.client.wait(session_id)
    second = [change(house, content, MIB, MIB, 99) for content in first]
    sessions = house.run_policy(policy)
    # The plug is pulled wherever the second run is: its sessions go on by themselves.
    house.program.kill_tree()
    house.start()
    for session_id in sessions:
        house.client.wait(session_id)
    shape = shape_of(house.guests, machine.azure_id)

    house.lose(machine)
    house.client.wait(house.restore(house.newest_backup(machine), start=True))

    assert all(is_on_disk(house, content) for content in second)
    assert differences(shape, shape_of(house.guests, machine.azure_id)) == []
    assert house.leftovers() == []
