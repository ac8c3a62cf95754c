"""The list of machines: each filter, its total and its pages, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kyanite.areas.inventory import Kind
from kyanite.areas.inventory.machine_mapping import Surroundings, machine_row
from kyanite.areas.inventory.resource_mapping import subscription_row
from kyanite.areas.inventory.store import replace_resources, replace_subscriptions
from kyanite.areas.vm.machine_list import machines
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.base.identifiers import new_id, system_id
from kyanite.contract.models.virtual_machine import GetVirtualMachinePageQuery
from kyanite.db.database import Database
from kyanite.http.pages import Paging

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
SUBSCRIPTION = "11111111-0000-0000-0000-000000000001"
# name → resource group, region, restore points as (destination, access tier)
MACHINES: dict[str, tuple[str, str, list[tuple[str, str | None]]]] = {
    "Alpha": ("shop", "westeurope", [("Snapshot", None), ("AzureBlob", "Hot")]),
    "beta": ("SHOP", "westeurope", [("AzureBlob", "Archive")]),
    "delta": ("work", "northeurope", [("ManualSnapshot", None), ("AzureBlob", None)]),
    "gamma": ("work", "northeurope", []),
    "gone": ("shop", "westeurope", []),
}
SHOP = system_id(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop")


@pytest.fixture
def listed(database: Database) -> Database:
    """The machines; ``gone`` was removed from Azure."""
    rows = {
        name: machine_row(
            {
                "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/"
                f"Microsoft.Compute/virtualMachines/{name}",
                "location": region,
            },
            Surroundings(),
        )
        for name, (group, region, _) in MACHINES.items()
    }
    raw = {"subscriptionId": SUBSCRIPTION, "displayName": "Production", "state": "Enabled"}
    with database.writing() as db:
        replace_subscriptions(db, "a", [subscription_row(raw, "Global", "t1", "Lab")], NOW)
        there = [row for name, row in rows.items() if name != "gone"]
        replace_resources(db, "a", SUBSCRIPTION, Kind.MACHINE, [*rows.values()], NOW)
        replace_resources(db, "a", SUBSCRIPTION, Kind.MACHINE, there, NOW)
        for name, (group, region, points) in MACHINES.items():
            machine_id = str(rows[name]["id"])
            db.add(_protected(machine_id, name, group, region))
            db.flush()
            db.add_all(_point(machine_id, region, *point) for point in points)
    return database


def _protected(machine_id: str, name: str, group: str, region: str) -> ProtectedMachineRow:
    return ProtectedMachineRow(
        id=machine_id,
        azure_id=name,
        name=name,
        os_type="Linux",
        region=region,
        subscription_id=SUBSCRIPTION,
        resource_group=group,
        tenant_id="t1",
        vm_size="Standard_B2s",
        total_size_gib=30,
    )


def _point(machine_id: str, region: str, destination: str, tier: str | None) -> RestorePointRow:
    return RestorePointRow(
        id=new_id(),
        machine_id=machine_id,
        destination=destination,
        kind="Full",
        state="Ok",
        point_in_time=NOW,
        flags="Daily",
        policy_name="daily",
        retention={},
        job_session_id=new_id(),
        backup_size_bytes=1,
        region=region,
        access_tier=tier,
        recipe={},
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["Alpha", "beta", "delta", "gamma"]),
        ({"Offset": 1, "Limit": 2}, ["Alpha", "beta", "delta", "gamma"]),
        ({"Limit": 0}, ["Alpha", "beta", "delta", "gamma"]),
        ({"Offset": 9}, ["Alpha", "beta", "delta", "gamma"]),
        ({"Offset": 2, "Limit": -1}, ["Alpha", "beta", "delta", "gamma"]),
        ({"ExistsState": "All"}, ["Alpha", "beta", "delta", "gamma", "gone"]),
        ({"ExistsState": "OnlyDeleted"}, ["gone"]),
        ({"ResourceGroupId": SHOP}, ["Alpha", "beta"]),
        ({"ResourceGroupId": "unknown"}, []),
        ({"RegionIds": ["North Europe"]}, ["delta", "gamma"]),
        ({"SearchPattern": "ALPH"}, ["Alpha"]),
        ({"ProtectionStatus": ["Protected"]}, ["Alpha", "beta", "delta"]),
        ({"ProtectionStatus": ["Unprotected"]}, ["gamma"]),
        ({"ProtectionStatus": ["Unprotected", "Protected"]}, ["Alpha", "beta", "delta", "gamma"]),
        ({"ProtectionStatus": ["Unknown"]}, []),
        ({"BackupDestination": ["Snapshot"]}, ["Alpha"]),
        ({"BackupDestination": ["AzureBlob"]}, ["Alpha", "delta"]),
        ({"BackupDestination": ["Archive", "ManualSnapshot"]}, ["beta", "delta"]),
        ({"BackupDestination": ["Archive"], "ProtectionStatus": ["Unprotected"]}, []),
        ({"VmFromProtectedRegions": True}, []),
    ],
    ids=str,
)
def test_machines_are_filtered_counted_and_cut_into_pages(
    listed: Database, query: dict[str, object], names: list[str]
) -> None:
    wanted = GetVirtualMachinePageQuery.model_validate(query)
    paging = Paging.of(wanted)
    with listed.reading() as db:
        found = machines(db, wanted, paging)
    assert found.total == len(names)
    assert [machine.name for machine in found.rows] == paging.cut(names)
