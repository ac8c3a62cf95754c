"""One machine protected, changed, lost and restored, with every figure of the way checked."""

from __future__ import annotations

import random

import pytest

from demo.shape import differences, shape_of
from support.disk_contents import KIB, MIB, change, file_systems, is_on_disk, write_noise
from support.house import House

GRAIN_BYTES = 512 * KIB
"""What one changed byte costs where chunks are cut at fixed places."""


def test_a_machine_with_several_disks_comes_back_with_every_byte_and_its_shape(
    house: House,
) -> None:
    machine = house.largest_machine()
    assert len(machine.disk_ids) > 1
    first = [
        write_noise(house, disk_id, 24 * MIB, seed) for seed, disk_id in enumerate(machine.disk_ids)
    ]
    policy = house.policy("daily", [machine])
    for session_id in house.run_policy(policy):
        house.client.wait(session_id)
    second = [change(house, content, 3 * MIB, 2 * MIB, 99) for content in first]
    for session_id in house.run_policy(policy):
        house.client.wait(session_id)
    shape = shape_of(house.guests, machine.azure_id)
    heads = file_systems(house, machine)

    house.lose(machine)
    restored = house.client.post(
        f"/restorePoints/virtualMachines/{house.newest_backup(machine)}/restoreVirtualMachine",
        {"reason": "test", "serviceAccountId": house.account_id, "startVmAfterRestore": True},
    )
    house.client.wait(restored["id"])

    assert all(is_on_disk(house, content) for content in second)
    assert file_systems(house, machine) == heads
    assert differences(shape, shape_of(house.guests, machine.azure_id)) == []
    assert house.leftovers() == []
    items = house.client.get(f"/jobSessions/{restored['id']}/restoredItems")["results"]
    assert machine.azure_id.rsplit("/", 1)[-1] in {item["name"] for item in items}


def test_a_second_backup_reads_little_more_than_what_changed(house: House) -> None:
    machine = house.smallest_machine()
    content = write_noise(house, machine.disk_ids[0], 64 * MIB, 1)
    policy = house.policy("daily", [machine])
    for session_id in house.run_policy(policy):
        house.client.wait(session_id)

    before = house.control.operation("disks", "GetBlob")["bytesOut"]
    rng = random.Random(7)
    grains: set[int] = set()
    for number in range(16):
        offset = number * 4 * MIB + 4 * KIB * rng.randrange(512)
        length = 4 * KIB * rng.choice((1, 4, 32, 128, 256))
        content = change(house, content, offset, length, number)
        grains.update(range(offset // GRAIN_BYTES, -(-(offset + length) // GRAIN_BYTES)))
    changed = len(grains) * GRAIN_BYTES
    for session_id in house.run_policy(policy):
        house.client.wait(session_id)
    read = house.control.operation("disks", "GetBlob")["bytesOut"] - before

    assert 0 < read <= 1.2 * changed
    assert is_on_disk(
        house, content, house.restore_disk_elsewhere(machine, machine.disk_ids[0], "copy")
    )


def test_backups_need_few_writes_to_the_storage(house: House) -> None:
    machine = house.smallest_machine()
    write_noise(house, machine.disk_ids[0], 128 * MIB, 200)
    policy = house.policy("daily", [machine])
    before = _storage_writes(house)
    _, backup = house.run_policy(policy)
    house.client.wait(backup)
    writes = _storage_writes(house) - before

    stored = house.client.get(f"/restorePoints/virtualMachines/{house.newest_backup(machine)}")[
        "backupSizeBytes"
    ]
    assert stored > 128 * MIB
    allowed = 15 * len(machine.disk_ids) + 50 * stored / (1 << 30)
    assert writes <= allowed, f"{writes} writes for {stored / MIB:.0f} MiB, allowed {allowed:.0f}"


@pytest.mark.acceptance("virtual-machines", 11)
def test_a_disk_is_restored_beside_the_old_one(house: House) -> None:
    machine = house.smallest_machine()
    content = write_noise(house, machine.disk_ids[0], 16 * MIB, 300)
    for session_id in house.run_policy(house.policy("daily", [machine])):
        house.client.wait(session_id)
    overwritten = change(house, content, 0, 16 * MIB, 4)

    disk_id = house.restore_disk_elsewhere(machine, machine.disk_ids[0], "beside")

    assert is_on_disk(house, content, disk_id)
    assert is_on_disk(house, overwritten)
    assert house.guests.get(disk_id).get("managedBy") is None
    assert house.leftovers() == []


def _storage_writes(house: House) -> int:
    return sum(
        house.control.operation("blob", operation)["requests"]
        for operation in ("PutBlob", "PutBlock", "PutBlockList")
    )
