"""Tenants, networks, vaults, SQL, sizes, zones and tags over the API, against an Azure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.areas.inventory.sizes import MachineSizes, Place
from kyanite.base.clock import ManualClock
from kyanite.base.errors import Rejected
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, as_object, as_text
from support.azure_parts import AzureParts
from support.lab import Control
from support.pages import names, results
from support.waiting import eventually

CLOUD = "/cloudInfrastructure"
NOBODY = "00000000-0000-0000-0000-000000000001"


def finished(parts: AzureParts, answer: JsonObject) -> JsonObject:
    """The operation behind a 202 when it has ended."""
    path = f"/operations/{answer['id']}"
    eventually(lambda: parts.get(path)["status"] != "Running")
    return parts.get(path)


@pytest.fixture
def account_id(parts: AzureParts) -> str:
    """An account that sees everything."""
    return parts.save_account()


def make_worker_account(parts: AzureParts) -> None:
    with parts.database.writing() as db:
        db.execute(
            update(ServiceAccountRow).values(
                selected_for_workers=True, worker_subscription_id=parts.azure.subscription_ids[0]
            )
        )


def test_there_is_nothing_before_an_account_exists(parts: AzureParts) -> None:
    for path in (
        "tags",
        "virtualNetworks",
        "networkSecurityGroups",
        "availabilitySets",
        "availabilityZones",
        "keyVaults",
        "sqlServers",
        "sqlElasticPools",
        "tenants/withAccount",
    ):
        assert parts.get(f"{CLOUD}/{path}")["totalCount"] == 0, path
    sizes = parts.call("GET", f"{CLOUD}/virtualMachineSizes", Region="westeurope")
    assert sizes.json() == []


@pytest.mark.acceptance("appliance", 11)
def test_tenants_are_never_answered_with_200(parts: AzureParts, account_id: str) -> None:
    answer = parts.call("GET", f"{CLOUD}/tenants")
    assert answer.status_code == 202
    done = finished(parts, answer.json())
    assert done["status"] == "Success"
    page = as_object(done["result"])
    assert [item["tenantId"] for item in results(page)] == [parts.azure.tenant_id]
    assert names(page) == ["Lab"]


@pytest.mark.acceptance("api-conventions", 7)
def test_the_result_of_tenants_is_a_page(parts: AzureParts, account_id: str) -> None:
    answer = parts.call("GET", f"{CLOUD}/tenants", SearchPattern="nothing like it", Limit=5)
    page = as_object(finished(parts, answer.json())["result"])
    assert (page["offset"], page["limit"], page["totalCount"]) == (0, 5, 0)


def test_a_tenant_is_found_and_paired_with_each_account(parts: AzureParts, account_id: str) -> None:
    one = parts.get(f"{CLOUD}/tenants/{parts.azure.tenant_id}")
    assert one["name"] == "Lab"
    assert parts.call("GET", f"{CLOUD}/tenants/{NOBODY}").status_code == 404
    other = parts.save_account("another")
    pairs = results(parts.get(f"{CLOUD}/tenants/withAccount"))
    assert [as_object(pair["account"])["name"] for pair in pairs] == ["another", "lab"]
    assert {as_object(pair["account"])["accountId"] for pair in pairs} == {account_id, other}
    assert len({pair["id"] for pair in pairs}) == 2
    assert pairs == results(parts.get(f"{CLOUD}/tenants/withAccount", Sync="true"))


def test_networks_are_listed_and_found_by_either_id(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/virtualNetworks"
    page = parts.get(path, SubscriptionId=parts.azure.subscription_ids[0])
    assert names(page) == ["shop-net"]
    one = results(page)[0]
    assert one["addressSpaces"] == ["10.20.0.0/16"]
    assert one["regionName"] == "westeurope"
    azure_id = as_text(one["id"])
    assert azure_id.startswith("/subscriptions/")
    assert parts.get(f"{path}/{system_id(azure_id)}") == one
    assert parts.get(f"{path}/{azure_id.replace('/', '%2F')}") == one
    assert names(parts.get(path, RegionId="West Europe")) == ["shop-net"]
    assert parts.get(path, ServiceAccountId=NOBODY)["totalCount"] == 0
    assert parts.call("GET", f"{path}/nonsense").status_code == 404
    assert parts.call("GET", f"{path}/{system_id(azure_id)}", accountId=NOBODY).status_code == 404


def test_the_first_free_space_avoids_what_the_subscription_has(
    parts: AzureParts, account_id: str
) -> None:
    path = f"{CLOUD}/virtualNetworks/firstFreeAddressSpace"
    shop = parts.azure.subscription_ids[0]
    answer = parts.call("GET", path, subnetMask=11, subscriptionId=shop)
    assert answer.json() == "10.32.0.0/11"
    assert parts.call("GET", path, subnetMask=16).json() == "10.0.0.0/16"
    assert parts.call("GET", path, subnetMask=8, subscriptionId=shop).status_code == 404
    assert parts.call("GET", path, subnetMask=24, subscriptionId=NOBODY).status_code == 404
    for wrong in (7, 30, 0, -1):
        assert parts.call("GET", path, subnetMask=wrong).status_code == 400


@pytest.mark.control
def test_a_network_is_made_for_the_account_for_workers(
    parts: AzureParts, account_id: str, control: Control
) -> None:
    path = f"{CLOUD}/virtualNetworks"
    body = {
        "networkName": "workers",
        "region": "West Europe",
        "networkAddressSpace": "10.40.0.0/16",
        "subnetName": "one",
        "subnetAddressSpace": "10.40.1.0/24",
    }
    assert parts.call("POST", path, body).status_code == 409  # nobody is meant for workers
    make_worker_account(parts)
    for member, wrong in (
        ("subnetAddressSpace", "10.41.1.0/24"),
        ("networkAddressSpace", "10.40.0.1/16"),
        ("networkAddressSpace", "everything"),
        ("networkName", "a/b"),
        ("region", "atlantis"),
    ):
        assert parts.call("POST", path, {**body, member: wrong}).status_code == 400, wrong
    answer = parts.call("POST", path, body)
    assert answer.status_code == 202, answer.text
    done = finished(parts, answer.json())
    assert done["status"] == "Success", done
    assert as_object(done["result"])["addressSpaces"] == ["10.40.0.0/16"]
    assert "workers" in names(parts.get(path))
    assert parts.call("POST", path, body).status_code == 409


def test_security_groups_and_availability_sets_have_the_ids_of_azure(
    parts: AzureParts, account_id: str
) -> None:
    groups = parts.get(f"{CLOUD}/networkSecurityGroups", RegionId="westeurope")
    assert names(groups) == ["shop-nsg"]
    assert results(groups)[0]["resourceGroupName"] == "shop"
    assert as_text(results(groups)[0]["id"]).endswith("/networkSecurityGroups/shop-nsg")
    sets = parts.get(f"{CLOUD}/availabilitySets", ResourceGroupName="SHOP", Region="westeurope")
    assert names(sets) == ["shop-files-set"]
    assert as_text(results(sets)[0]["id"]).endswith("/availabilitySets/shop-files-set")
    elsewhere = parts.get(f"{CLOUD}/availabilitySets", ResourceGroupName="backup")
    assert elsewhere["totalCount"] == 0


def test_zones_are_those_of_the_region_and_of_the_size(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/availabilityZones"
    shop = parts.azure.subscription_ids[0]
    page = parts.get(path, SubscriptionId=shop, RegionId="westeurope")
    assert names(page) == ["1", "2", "3"]
    assert results(page)[0]["regionId"] == "westeurope"
    sized = parts.get(
        path, SubscriptionId=shop, RegionId="westeurope", VmSizeName="standard_e4s_v5"
    )
    assert names(sized) == ["1", "2", "3"]
    assert parts.get(path, VmSizeName="Standard_Nothing")["totalCount"] == 0
    assert parts.call("GET", path, SubscriptionId=NOBODY).status_code == 409
    assert parts.call("GET", path, ServiceAccountId=NOBODY).status_code == 409


def test_sizes_are_told_for_a_region_and_workers_get_a_choice(
    parts: AzureParts, account_id: str
) -> None:
    path = f"{CLOUD}/virtualMachineSizes"
    shop = parts.azure.subscription_ids[0]
    sizes = parts.call("GET", path, Region="West Europe", SubscriptionId=shop).json()
    found = {size["name"]: size for size in sizes}
    assert found["Standard_E4s_v5"]["numberOfCores"] == 4
    assert found["Standard_E4s_v5"]["memoryInMB"] == 32 * 1024
    assert found["Standard_E4s_v5"]["subscriptionId"] == shop
    assert "pricePerHour" not in found["Standard_E4s_v5"]
    assert parts.call("GET", path).status_code == 400
    assert parts.call("GET", path, Region="westeurope", ServiceAccountId=NOBODY).status_code == 409
    assert parts.call("GET", path, Region="atlantis").json() == []
    workers = parts.call("GET", f"{CLOUD}/virtualMachineWorkerSizes", region="westeurope").json()
    assert workers
    assert all(s["numberOfCores"] >= 2 and s["memoryInMB"] >= 4096 for s in workers)
    some = parts.call(
        "GET",
        f"{CLOUD}/virtualMachineWorkerSizes",
        region="westeurope",
        NameSearchPattern="e4S",
    ).json()
    assert {s["name"] for s in some} < {s["name"] for s in workers}


@pytest.mark.control
def test_sizes_stay_known_while_azure_is_away(
    parts: AzureParts, account_id: str, control: Control
) -> None:
    clock = ManualClock(datetime(2026, 2, 3, 10, 0, tzinfo=UTC))
    sizes = MachineSizes(parts.access, clock)
    place = Place(account_id, parts.azure.subscription_ids[0], "westeurope")
    before = sizes.at([place])
    control.add_fault(path="/skus", status=400, code="Broken")
    assert sizes.at([place]) == before
    clock.advance(timedelta(hours=2))
    assert sizes.at([place]) == before
    with pytest.raises(Rejected):
        MachineSizes(parts.access, clock).at([place])


def test_tags_are_the_distinct_pairs_on_all_resources(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/tags"
    page = parts.get(path)
    pairs = [(item["name"], item["value"]) for item in results(page)]
    assert ("department", "sales") in pairs
    assert ("role", "database") in pairs
    assert len(pairs) == len(set(pairs)) == page["totalCount"]
    assert pairs == sorted(pairs)
    found = parts.get(path, SearchPattern="DATA", ServiceAccountId=account_id)
    assert ("role", "database") in [(item["name"], item["value"]) for item in results(found)]
    assert parts.get(path, ServiceAccountId=NOBODY)["totalCount"] == 0
    assert parts.get(path, TenantId=NOBODY)["totalCount"] == 0
    assert results(parts.get(path, Sync="true")) == results(page)


def test_vaults_are_listed_and_found(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/keyVaults"
    page = parts.get(path, RegionIds="westeurope", SearchPattern="SHOP")
    assert names(page) == ["shopkeys"]
    one = results(page)[0]
    assert parts.get(f"{path}/{one['id']}") == one
    assert parts.get(f"{path}/{one['id']}", sync="true") == one
    assert parts.get(path, Sync="true", TenantId=NOBODY)["totalCount"] == 0
    assert parts.call("GET", f"{path}/nonsense").status_code == 404


def test_the_keys_of_a_vault_are_read_live(parts: AzureParts, account_id: str) -> None:
    vault = results(parts.get(f"{CLOUD}/keyVaults"))[0]
    path = f"{CLOUD}/keyVaults/{vault['id']}/keys"
    page = parts.get(path, ServiceAccountId=account_id)
    assert names(page) == ["backups"]
    key = results(page)[0]
    assert key["uri"] == f"{as_text(key['keyVaultUri']).rstrip('/')}/keys/backups"
    assert key["version"]
    assert parts.get(path)["totalCount"] == 1
    assert parts.get(path, SearchPattern="other")["totalCount"] == 0
    assert parts.call("GET", path, ServiceAccountId=NOBODY).status_code == 404
    assert parts.call("GET", f"{CLOUD}/keyVaults/nonsense/keys").status_code == 404


def test_sql_servers_are_told_apart_by_their_logins(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/sqlServers"
    shop = results(parts.get(path, SearchPattern="shop"))[0]
    assert names(parts.get(path, CredentialsState="OnlyWithCredentials")) == []
    ids = [
        as_text(
            parts.call(
                "POST",
                "/accounts/standard",
                {
                    "kind": "Database",
                    "name": name,
                    "username": "keeper",
                    "password": "P4ss-word!",
                    "sqlOptionsFromClient": {"sqlServers": servers},
                },
            ).json()["id"]
        )
        for name, servers in (("shop", [{"id": shop["id"]}]), ("any", []))
    ]
    assert names(parts.get(path, CredentialsState="OnlyWithCredentials")) == ["shop-sqlserver"]
    without = parts.get(path, CredentialsState="OnlyWithoutCredentials")
    assert names(without) == ["workbench-instance"]
    assert names(parts.get(path, AssignableBySqlAccountId=ids[0])) == ["shop-sqlserver"]
    assert len(names(parts.get(path, AssignableBySqlAccountId=ids[1]))) == 2
    assert names(parts.get(path, AssignableBySqlAccountId=4711)) == []


def test_sql_servers_and_pools_are_listed(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/sqlServers"
    assert names(parts.get(path)) == ["shop-sqlserver", "workbench-instance"]
    assert names(parts.get(path, ServerTypes="Managed")) == ["workbench-instance"]
    server = results(parts.get(path, ServerTypes="Unmanaged", Sync="true"))[0]
    assert (server["serverType"], server["regionId"]) == ("Unmanaged", "westeurope")
    assert parts.get(f"{path}/{server['id']}", sync="true") == server
    assert parts.call("GET", f"{path}/nonsense").status_code == 404
    pools = parts.get(f"{CLOUD}/sqlElasticPools", Sync="true")
    pool = results(pools)[0]
    assert (pool["name"], pool["edition"], pool["dtu"]) == ("shop-pool", "Standard", 100)
    assert pool["poolStorageCapacityMb"] == 50 * 1024
    assert pool["serverId"] == server["id"]
    assert parts.get(f"{CLOUD}/sqlElasticPools/{pool['id']}") == pool
    assert parts.call("GET", f"{CLOUD}/sqlElasticPools/nonsense").status_code == 404


def test_a_server_that_nobody_reaches_is_an_error_not_a_failure(
    parts: AzureParts, account_id: str
) -> None:
    shop = results(parts.get(f"{CLOUD}/sqlServers", SearchPattern="shop"))[0]
    path = f"{CLOUD}/sqlServers/testConnectivity"
    answer = parts.call("POST", f"{path}/{shop['id']}", azureAccountId=account_id)
    assert answer.status_code == 200, answer.text
    assert [(row["severity"], row["type"]) for row in answer.json()] == [
        ("Success", "Service account"),
        ("Error", "Connection to the SQL server"),
    ]
    assert "does not answer" in answer.json()[1]["message"]
    assert parts.call("POST", f"{path}/nonsense").status_code == 404
    unknown = parts.call("POST", f"{path}/{shop['id']}", sqlAccountId="4711")
    assert unknown.status_code == 404


def test_storage_accounts_say_what_they_are_capable_of(parts: AzureParts, account_id: str) -> None:
    path = f"{CLOUD}/storageAccounts"
    found = {item["name"]: item["id"] for item in results(parts.get(path))}
    zoned = parts.get(f"{path}/{found['shopbackups']}/capabilities")
    assert zoned == {"supportsArchive": False, "recommendedConcurrency": 50}
    local = parts.get(f"{path}/{found['shopdata']}/capabilities", sync="true")
    assert local["supportsArchive"] is True
    missing = f"{path}/nonsense/capabilities"
    assert parts.call("GET", missing).status_code == 404
    assert parts.call("GET", missing, sync="true").status_code == 404


@pytest.mark.control
def test_a_container_is_made_once(parts: AzureParts, account_id: str, control: Control) -> None:
    path = f"{CLOUD}/storageAccounts"
    account = results(parts.get(path, name="shopdata"))[0]
    contents = f"{path}/{account['id']}/containers"
    made = parts.call("POST", contents, {"name": "fresh", "accountId": account_id})
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["supportsVersioning"]) == ("fresh", False)
    assert made.json() == parts.get(f"{contents}/fresh", accountId=account_id)
    again = parts.call("POST", contents, {"name": "fresh", "accountId": account_id})
    assert again.status_code == 409
    for wrong in ("Fresh", "a--b", "ab", "x" * 64, "-a-"):
        answer = parts.call("POST", contents, {"name": wrong, "accountId": account_id})
        assert answer.status_code == 400, wrong
    nobody = parts.call("POST", contents, {"name": "other", "accountId": NOBODY})
    assert nobody.status_code == 404
