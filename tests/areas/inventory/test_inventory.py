"""The inventory over the API, against an Azure."""

from __future__ import annotations

import pytest

from kyanite.areas.inventory import Kind, Machine, MachineFilter, get_machine, machines_query
from kyanite.base.errors import Rejected
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import as_text
from kyanite.base.units import GIB
from support.azure_parts import AzureParts
from support.lab import Control
from support.pages import names, results
from support.waiting import eventually

CLOUD = "/cloudInfrastructure"
COMPUTE = "api-version=2026-04-01"
RESOURCES = "api-version=2025-04-01"


def machines(parts: AzureParts, **wanted: object) -> dict[str, Machine]:
    """Machines by name."""
    with parts.database.reading() as db:
        found = machines_query(db, MachineFilter(**wanted))  # type: ignore[arg-type]
        return {machine.name: machine for machine in found}


@pytest.fixture
def account_id(parts: AzureParts) -> str:
    """An account that sees everything."""
    return parts.save_account()


def test_there_is_nothing_before_an_account_exists(parts: AzureParts) -> None:
    for path in ("subscriptions", "regions", "resourceGroups", "storageAccounts"):
        assert parts.get(f"{CLOUD}/{path}")["totalCount"] == 0


def test_subscriptions_are_listed_and_found(parts: AzureParts, account_id: str) -> None:
    page = parts.get(f"{CLOUD}/subscriptions")
    assert names(page) == ["Development", "Production"]
    one = results(page)[1]
    assert one["id"] == parts.azure.subscription_ids[0]
    assert (one["status"], one["availability"], one["environment"]) == (
        "Active",
        "Available",
        "Global",
    )
    assert one["tenantId"] == parts.azure.tenant_id
    assert parts.get(f"{CLOUD}/subscriptions/{one['id']}") == one
    assert names(parts.get(f"{CLOUD}/subscriptions", SearchPattern="PROD")) == ["Production"]
    assert names(parts.get(f"{CLOUD}/subscriptions", OnlyIds=one["id"])) == ["Production"]
    nobody = "00000000-0000-0000-0000-000000000001"
    assert parts.get(f"{CLOUD}/subscriptions", AccountId=nobody)["totalCount"] == 0
    assert parts.get(f"{CLOUD}/subscriptions", TenantId=nobody)["totalCount"] == 0
    assert parts.call("GET", f"{CLOUD}/subscriptions/{nobody}").status_code == 400


def test_regions_are_listed_once_and_found_by_code_or_name(
    parts: AzureParts, account_id: str
) -> None:
    page = parts.get(f"{CLOUD}/regions", ServiceAccountId=account_id)
    assert sorted(as_text(item["id"]) for item in results(page)) == ["northeurope", "westeurope"]
    one = parts.get(f"{CLOUD}/regions/westeurope")
    assert one == parts.get(f"{CLOUD}/regions/West%20Europe")
    assert one["name"] == "West Europe"
    offering = parts.get(f"{CLOUD}/regions", ResourceProviderTypes="VirtualMachine")
    assert offering["totalCount"] == 2
    assert parts.call("GET", f"{CLOUD}/regions/atlantis").status_code == 404
    bad = parts.call("GET", f"{CLOUD}/regions", ResourceProviderTypes="Nonsense")
    assert bad.status_code == 400


def test_resource_groups_are_filtered(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/resourceGroups"
    page = parts.get(path, SubscriptionId=parts.azure.subscription_ids[0])
    assert names(page) == ["backup", "shop"]
    one = results(page)[1]
    assert one["id"] == system_id(as_text(one["resourceId"]))
    assert one["regionId"] == "westeurope"
    assert parts.get(f"{path}/{one['id']}") == one
    assert names(parts.get(path, RegionIds="North Europe")) == ["workbench"]
    assert names(parts.get(path, SearchPattern="HO")) == ["shop"]
    assert names(parts.get(path, ServiceAccountId=account_id, limit=1, offset=2)) == ["workbench"]
    assert parts.call("GET", f"{path}/nonsense").status_code == 400


@pytest.mark.control
def test_sync_looks_again_first(parts: AzureParts, account_id: str, control: Control) -> None:
    group = f"/subscriptions/{parts.azure.subscription_ids[0]}/resourcegroups/fresh"
    parts.arm("PUT", f"{group}?{RESOURCES}", {"location": "westeurope"})
    path = f"{CLOUD}/resourceGroups"
    assert "fresh" not in names(parts.get(path))
    assert "fresh" in names(parts.get(path, Sync="true"))
    parts.arm("DELETE", f"{group}?{RESOURCES}")
    assert "fresh" in names(parts.get(path))
    eventually(lambda: "fresh" not in names(parts.get(path, Sync="true")))
    assert "fresh" not in names(parts.get(path))
    unknown = "00000000-0000-0000-0000-000000000001"
    assert parts.get(path, Sync="true", ServiceAccountId=unknown)["totalCount"] == 0


def test_a_slow_look_is_answered_with_an_operation(parts: AzureParts, account_id: str) -> None:
    plain = parts.get(f"{CLOUD}/regions")
    impatient = AzureParts(parts.database, parts.azure, operation_wait_seconds=0.0)
    answer = impatient.call("GET", f"{CLOUD}/regions", Sync="true")
    assert answer.status_code == 202
    assert answer.json()["status"] == "Running"
    path = f"/operations/{answer.json()['id']}"
    eventually(lambda: impatient.get(path)["status"] == "Success")
    assert impatient.get(path)["result"] == plain
    impatient.close()


def test_storage_accounts_are_described(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/storageAccounts"
    found = {as_text(item["name"]): item for item in results(parts.get(path))}
    backups = found["shopbackups"]
    assert backups["redundancy"] == "ZRS"
    assert backups["performance"] == "Standard"
    assert backups["regionName"] == "West Europe"
    assert backups["resourceGroupName"] == "backup"
    assert backups["supportsTiering"] is True
    assert backups["removedFromAzure"] is False
    assert parts.get(f"{path}/{backups['id']}") == backups
    assert names(parts.get(path, name="SHOPBACKUPS")) == ["shopbackups"]
    assert names(parts.get(path, name="shop")) == []
    assert names(parts.get(path, resourceGroupName="Shop")) == ["shopdata"]
    assert names(parts.get(path, regionIds='["northeurope"]')) == ["workbenchdata"]
    assert len(names(parts.get(path, repositoryCompatible="true"))) == len(found)
    assert len(names(parts.get(path, accountId=account_id))) == len(found)
    assert names(parts.get(path, accountId=backups["id"])) == ["shopbackups"]
    assert parts.call("GET", f"{path}/nonsense").status_code == 404


def test_containers_are_read_live(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/storageAccounts"
    backups = results(parts.get(path, name="shopbackups"))[0]
    contents = f"{path}/{backups['id']}/containers"
    page = parts.get(contents, accountId=account_id)
    assert names(page) == ["archive", "backups"]
    assert results(page)[0]["supportsVersioning"] is False
    assert results(page)[0]["ImmutabilityPolicyState"] == "NotPresent"
    assert names(parts.get(contents, accountId=account_id, searchPattern="BACK")) == ["backups"]
    assert parts.get(f"{contents}/backups")["name"] == "backups"
    for name in ("nothing", "No_Such", "images%3Fx=y", "..%2Fimages", "%24root", "%C3%A4"):
        answer = parts.call("GET", f"{contents}/{name}", accountId=account_id)
        assert answer.status_code == 404, name
    for name in ("nothing", "a%2Fb", "%2E%2E", "%3F", "%C3%A4", "x" * 300):
        folder = f"{contents}/backups/folders/{name}"
        assert parts.call("GET", folder, accountId=account_id).status_code == 404, name
    assert parts.get(f"{contents}/backups/folders", accountId=account_id)["totalCount"] == 0
    assert parts.call("GET", contents).status_code == 400
    nobody = "00000000-0000-0000-0000-000000000001"
    assert parts.call("GET", contents, accountId=nobody).status_code == 404
    elsewhere = f"{path}/nonsense/containers"
    assert parts.call("GET", elsewhere, accountId=account_id).status_code == 404


def test_machines_are_described_with_their_surroundings(parts: AzureParts, account_id: str) -> None:
    found = machines(parts)
    assert sorted(found) == ["bench-01", "shop-files", "shop-old", "shop-sql", "shop-web"]
    sql = found["shop-sql"]
    assert (sql.os_type, sql.vm_size, sql.zone) == ("Windows", "Standard_E4s_v5", "2")
    assert sql.disk_count == 3
    assert sql.total_size_bytes == (127 + 64 + 64) * GIB
    assert [disk.rsplit("/", 1)[-1] for disk in sql.disk_azure_ids] == [
        "shop-sql-os",
        "shop-sql-data",
        "shop-sql-log",
    ]
    assert (sql.virtual_network, sql.subnet, sql.private_ip) == ("shop-net", "data", "10.20.2.10")
    assert sql.tags["role"] == "database"
    assert (sql.region, sql.region_display_name) == ("westeurope", "West Europe")
    assert sql.subscription_name == "Production"
    assert sql.power_state == "running"
    web = found["shop-web"]
    assert web.public_ip
    assert web.dns_name is not None
    assert web.dns_name.startswith("shop-web.")
    assert found["shop-old"].power_state == "deallocated"
    with parts.database.reading() as db:
        assert get_machine(db, sql.azure_id) == get_machine(db, sql.id) == sql
    group = sql.resource_group_id
    assert sorted(machines(parts, resource_group_id=group, account_id=account_id)) == [
        "shop-files",
        "shop-old",
        "shop-sql",
        "shop-web",
    ]


@pytest.mark.control
def test_a_machine_deleted_in_azure_is_known_as_deleted_after_a_rescan(
    parts: AzureParts, account_id: str, control: Control
) -> None:
    old = machines(parts)["shop-old"]
    parts.arm("DELETE", f"{old.azure_id}?{COMPUTE}")

    def gone() -> bool:
        parts.inventory.rescan(account_id, kinds={Kind.MACHINE})
        return "shop-old" not in machines(parts)

    eventually(gone)
    assert machines(parts, exists=False)["shop-old"].is_deleted
    assert len(machines(parts, exists=None)) == 5


@pytest.mark.control
def test_an_azure_that_fails_leaves_what_was_known(
    parts: AzureParts, account_id: str, control: Control
) -> None:
    before = machines(parts)
    control.add_fault(path="/virtualMachines|/disks", status=403, code="AuthorizationFailed")
    parts.inventory.rescan(account_id)  # a right that was taken away: the rest is looked at
    assert machines(parts) == before
    control.add_fault(path="/subscriptions", status=400, code="Broken")
    with pytest.raises(Rejected):
        parts.inventory.rescan(account_id)
    assert machines(parts) == before
