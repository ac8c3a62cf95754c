"""What the scene `small` promises: machines of many shapes, with real file systems on them."""

from __future__ import annotations

from collections import Counter

import pytest
from azure.mgmt.compute import ComputeManagementClient

from support.compute_bench import ComputeBench
from support.lab import Azure, Control

SECTOR = 512


def _clients(azure: Azure) -> list[ComputeManagementClient]:
    return [
        ComputeBench(azure, "unused", number).compute
        for number in range(len(azure.subscription_ids))
    ]


def _disk_id(azure: Azure, name: str, subscription: int = 0, group: str = "shop") -> str:
    return ComputeBench(azure, group, subscription).id_of("Compute", "disks", name)


def _partition(control: Control, disk: str, number: int) -> int:
    """Where a GPT partition starts, in bytes; what a firmware would find."""
    header = control.read_disk(disk, SECTOR, SECTOR)
    assert header.startswith(b"EFI PART")
    entry = control.read_disk(disk, 2 * SECTOR + (number - 1) * 128, 128)
    return int.from_bytes(entry[32:40], "little") * SECTOR


@pytest.mark.control
def test_machines_of_many_shapes_exist_in_two_subscriptions_and_regions(
    azure: Azure, fresh: Control
) -> None:
    found = [
        machine for client in _clients(azure) for machine in client.virtual_machines.list_all()
    ]
    assert len(found) >= 5
    assert {one.location for one in found} >= {"westeurope", "northeurope"}
    assert len({one.hardware_profile.vm_size for one in found if one.hardware_profile}) >= 4
    kinds = Counter(str(one.identity.type) if one.identity else "none" for one in found)
    assert len(kinds) >= 3
    assert any(one.zones for one in found)
    assert any(not one.zones for one in found)
    assert any(one.security_profile for one in found)
    disks = [len(one.storage_profile.data_disks or []) for one in found if one.storage_profile]
    assert {0, 1, 2} <= set(disks)
    for machine in found:
        assert machine.provisioning_state == "Succeeded"
        if machine.identity and machine.identity.principal_id:
            assert machine.identity.tenant_id == azure.tenant_id


@pytest.mark.control
def test_the_disks_hold_file_systems(azure: Azure, fresh: Control) -> None:
    linux = _disk_id(azure, "shop-web-os")
    root = _partition(fresh, linux, 1)
    assert fresh.read_disk(linux, root + 1024 + 56, 2) == b"\x53\xef", "an ext4 superblock"
    home = _disk_id(azure, "bench-01-home", 1, "workbench")
    assert fresh.read_disk(home, 1024 + 56, 2) == b"\x53\xef"
    for name in ("shop-sql-os", "shop-sql-data", "shop-sql-log"):
        disk = _disk_id(azure, name)
        assert fresh.read_disk(disk, _partition(fresh, disk, 1) + 3, 4) == b"NTFS"
    fat = _disk_id(azure, "shop-files-exchange")
    assert fresh.read_disk(fat, 82, 5) == b"FAT32"
    assert b"kyanite" in fresh.read_disk(fat, 0, 64 << 20), "files are in it"


@pytest.mark.control
def test_a_reset_brings_back_what_was_deleted_and_forgets_what_was_made(
    azure: Azure, fresh: Control
) -> None:
    bench = ComputeBench(azure, "shop")
    disk = _disk_id(azure, "shop-web-os")
    before = fresh.read_disk(disk, 0, 1 << 20)
    fresh.write_disk(disk, 0, b"overwritten")
    bench.disk("new")
    bench.compute.virtual_machines.begin_delete("shop", "shop-web").result()
    fresh.reset()
    assert fresh.read_disk(disk, 0, 1 << 20) == before
    names = {one.name for one in bench.compute.disks.list_by_resource_group("shop")}
    assert "new" not in names
    assert bench.compute.virtual_machines.get("shop", "shop-web").name == "shop-web"
