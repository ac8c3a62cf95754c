"""Sizes of machines as Azure describes them."""

from __future__ import annotations

from kyanite.base.json_types import JsonObject
from kyanite.rules.machine_sizes import MachineSize, machine_size


def sku(capabilities: dict[str, str], restrictions: list[JsonObject] | None = None) -> JsonObject:
    return {
        "resourceType": "virtualMachines",
        "name": "Standard_F2s_v2",
        "locationInfo": [{"location": "WestEurope", "zones": ["3", "1", "2"]}],
        "capabilities": [{"name": k, "value": v} for k, v in capabilities.items()],
        "restrictions": restrictions or [],
    }


def size(**told: str) -> MachineSize:
    found = machine_size(sku(told), "westeurope")
    assert found is not None
    return found


def test_a_size_is_read() -> None:
    found = size(vCPUs="2", MemoryGB="3.5", MaxDataDiskCount="4", MaxResourceVolumeMB="16384")
    assert (found.cores, found.memory_mib, found.data_disks) == (2, 3584, 4)
    assert (found.os_disk_mib, found.resource_disk_mib) == (0, 16384)
    assert found.zones == ("1", "2", "3")


def test_workers_need_x64_two_cores_and_four_gibibytes() -> None:
    assert size(vCPUs="2", MemoryGB="4").carries_worker
    assert not size(vCPUs="1", MemoryGB="4").carries_worker
    assert not size(vCPUs="2", MemoryGB="3.5").carries_worker
    assert not size(vCPUs="2", MemoryGB="4", CpuArchitectureType="Arm64").carries_worker


def test_a_size_that_the_subscription_may_not_use_is_none() -> None:
    barred: JsonObject = {"type": "Location", "reasonCode": "NotAvailableForSubscription"}
    assert machine_size(sku({}, [barred]), "westeurope") is None


def test_zones_that_the_subscription_may_not_use_are_left_out() -> None:
    barred: JsonObject = {"type": "Zone", "restrictionInfo": {"zones": ["2"]}}
    found = machine_size(sku({}, [barred]), "westeurope")
    assert found is not None
    assert found.zones == ("1", "3")


def test_nonsense_is_nothing() -> None:
    assert size(vCPUs="many").cores == 0
    elsewhere = machine_size(sku({}), "northeurope")
    assert elsewhere is not None
    assert elsewhere.zones == ()
