"""Our adapters against the lab: what exists, rights, snapshots, machines taken apart and remade."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from kyanite.azure import resources
from kyanite.azure.arm import ArmClient
from kyanite.azure.authorization.permissions import effective_permissions
from kyanite.azure.blob import accounts, delegation
from kyanite.azure.blob.client import open_container
from kyanite.azure.cloud import Cloud
from kyanite.azure.compute import access, disks, machines, snapshots
from kyanite.azure.credentials import AzureLogin, ServicePrincipal
from kyanite.azure.data_plane import SignedAccess
from kyanite.azure.network import interfaces, public_addresses
from kyanite.azure.signed_urls import RenewableUrl
from kyanite.base.azure_names import arm_id, group_id
from kyanite.base.errors import Denied, Gone, Rejected
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, dig
from kyanite.rules.disk_size import disk_size_bytes
from support.lab import Azure, running_lab
from support.shared_lab import arm_client, backup_account


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab.azure


@pytest.fixture(scope="module")
def arm(azure: Azure) -> ArmClient:
    return arm_client(azure)


def a_machine(arm: ArmClient, azure: Azure) -> str:
    """A machine of the scene with data disks."""
    for machine in machines.list_machines(arm, azure.subscription_ids[0]):
        if as_list(dig(machine, "properties", "storageProfile", "dataDisks")):
            return as_text(machine["id"])
    raise AssertionError("the scene has no machine with data disks")


def test_the_cloud_tells_what_exists(arm: ArmClient, azure: Azure) -> None:
    seen = {as_text(entry["subscriptionId"]) for entry in resources.subscriptions(arm)}
    assert seen == set(azure.subscription_ids)
    assert [as_text(entry["tenantId"]) for entry in resources.tenants(arm)] == [azure.tenant_id]
    first = azure.subscription_ids[0]
    assert len(list(resources.locations(arm, first))) >= 2
    assert list(resources.resource_groups(arm, first))
    assert any(
        as_text(entry["namespace"]) == "Microsoft.Compute"
        for entry in resources.providers(arm, first)
    )


def test_machines_show_their_disks_interfaces_and_power(arm: ArmClient, azure: Azure) -> None:
    machine_id = a_machine(arm, azure)
    machine = machines.get(arm, machine_id)
    disk_id = as_text(dig(machine, "properties", "storageProfile", "osDisk", "managedDisk", "id"))
    assert disk_size_bytes(disks.get(arm, disk_id)) > 0
    assert machines.power_state(machines.instance_view(arm, machine_id)) in (
        "running",
        "deallocated",
    )
    subscription = azure.subscription_ids[0]
    assert list(disks.list_disks(arm, subscription))
    assert list(interfaces.list_interfaces(arm, subscription))
    list(public_addresses.list_public_addresses(arm, subscription))


def test_a_snapshot_is_made_once_read_found_by_its_tag_and_deleted(
    arm: ArmClient, azure: Azure
) -> None:
    machine = machines.get(arm, a_machine(arm, azure))
    disk_id = as_text(dig(machine, "properties", "storageProfile", "osDisk", "managedDisk", "id"))
    snapshot_id = disk_id.replace("/disks/", "/snapshots/") + "-test"
    made = []
    for _ in range(2):
        tags = {"kyanite-test": "one"}
        location = as_text(machine["location"])
        arm.wait(snapshots.begin_incremental(arm, snapshot_id, location, disk_id, tags))
        made.append(snapshots.wait_complete(arm, snapshot_id))
    assert dig(made[0], "properties", "uniqueId") == dig(made[1], "properties", "uniqueId")
    every = arm.list(
        f"/subscriptions/{azure.subscription_ids[0]}/providers/Microsoft.Compute/snapshots"
    )
    found = [entry for entry in every if dig(entry, "tags", "kyanite-test") == "one"]
    assert [as_text(entry["id"]).lower() for entry in found] == [snapshot_id.lower()]

    first = access.grant_read(arm, snapshot_id, 3600)
    second = access.grant_read(arm, snapshot_id, 3600)
    assert first != second
    assert access.is_live(arm.get(snapshot_id))
    snapshots.delete(arm, snapshot_id)
    assert snapshots.find(arm, snapshot_id) is None


def test_an_upload_that_is_not_whole_is_refused_and_can_be_cleaned_up(
    arm: ArmClient, azure: Azure
) -> None:
    disk_id = arm_id(azure.subscription_ids[0], "backup", "Microsoft.Compute/disks", "half-upload")
    arm.put(
        disk_id,
        {
            "location": "westeurope",
            "sku": {"name": "Standard_LRS"},
            "properties": {
                "creationData": {"createOption": "Upload", "uploadSizeBytes": (1 << 30) + 512}
            },
        },
    )
    access.grant_write(arm, disk_id, 3600)
    with pytest.raises(Rejected):
        access.finish_upload(arm, disk_id)
    access.revoke(arm, disk_id)
    disks.delete(arm, disk_id)
    assert arm.find(disk_id) is None


def test_a_machine_of_existing_parts_is_made_started_stopped_and_deleted(
    arm: ArmClient, azure: Azure
) -> None:
    raw = machines.get(arm, a_machine(arm, azure))
    nic_ids = [
        as_text(as_object(entry)["id"])
        for entry in as_list(dig(raw, "properties", "networkProfile", "networkInterfaces"))
    ]
    subnet = dig(
        as_list(dig(interfaces.get(arm, nic_ids[0]), "properties", "ipConfigurations"))[0],
        "properties",
        "subnet",
        "id",
    )
    os_disk = as_text(dig(raw, "properties", "storageProfile", "osDisk", "managedDisk", "id"))
    suffix = uuid.uuid4().hex[:6]
    disk_id, nic_id, machine_id = (
        f"{old}-{suffix}" for old in (os_disk, nic_ids[0], as_text(raw["id"]))
    )
    common = {"location": raw["location"]}
    arm.put(
        disk_id,
        {
            **common,
            "sku": {"name": "Standard_LRS"},
            "properties": {
                "creationData": {"createOption": "Copy", "sourceResourceId": os_disk},
                "osType": "Linux",
            },
        },
    )
    arm.put(
        nic_id,
        {
            **common,
            "properties": {
                "ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}}}]
            },
        },
    )
    machines.create(
        arm,
        machine_id,
        {
            **common,
            "properties": {
                "hardwareProfile": dig(raw, "properties", "hardwareProfile"),
                "storageProfile": {
                    "osDisk": {
                        "createOption": "Attach",
                        "osType": "Linux",
                        "managedDisk": {"id": disk_id},
                    }
                },
                "networkProfile": {
                    "networkInterfaces": [{"id": nic_id, "properties": {"primary": True}}]
                },
            },
        },
    )
    machines.start(arm, machine_id)
    assert machines.power_state(machines.instance_view(arm, machine_id)) == "running"
    machines.deallocate(arm, machine_id)
    assert machines.power_state(machines.instance_view(arm, machine_id)) == "deallocated"
    machines.delete(arm, machine_id)
    arm.delete(nic_id)
    disks.delete(arm, disk_id)
    with pytest.raises(Gone):
        machines.get(arm, machine_id)
    assert arm.find(nic_id) is None


def test_containers_and_folders_are_listed(arm: ArmClient, azure: Azure) -> None:
    account = backup_account(arm, azure)
    account_id = as_text(account["id"])
    names = [as_text(entry["name"]) for entry in accounts.containers(arm, account_id)]
    assert "backups" in names
    accounts.blob_service(arm, account_id)
    arm.put(
        f"{account_id}/blobServices/default/containers/fresh",
        {"properties": {"publicAccess": "None"}},
    )
    assert accounts.find_container(arm, account_id, "fresh") is not None
    url = delegation.container_access(arm, account_id, "fresh", "rcl", 600)
    client = open_container(SignedAccess(RenewableUrl(url)), azure.ca)
    client.put_new("folder/one/a", b"a")
    client.put_new("folder/two/b", b"b")
    (page,) = client.list("folder/", "/")
    assert page.prefixes == ("folder/one/", "folder/two/")
    assert page.blobs == ()


def restricted(azure: Azure) -> tuple[ArmClient, str]:
    """The scene's second application, which has no rights yet, and its object id."""
    cloud = Cloud.discover(azure.arm, azure.ca)
    principal = ServicePrincipal(
        azure.tenant_id,
        "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02",
        "restricted-secret-of-the-small-scene",
    )
    login = AzureLogin(cloud, principal)
    return ArmClient(cloud, login), login.object_id()


def grant(arm: ArmClient, subscription_id: str, object_id: str, actions: list[str]) -> str:
    """A custom role with these actions for a principal; returns the assignment's id."""
    scope = f"/subscriptions/{subscription_id}"
    role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
    arm.put(
        role,
        {
            "properties": {
                "roleName": f"Test {uuid.uuid4().hex[:6]}",
                "type": "CustomRole",
                "assignableScopes": [scope],
                "permissions": [
                    {"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []}
                ],
            }
        },
    )
    assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    arm.put(
        assignment,
        {
            "properties": {
                "roleDefinitionId": role,
                "principalId": object_id,
                "principalType": "ServicePrincipal",
            }
        },
    )
    return assignment


@pytest.mark.parametrize("may_read_assignments", [True, False])
def test_the_rights_of_an_account_are_told_with_nothing_but_those_rights(
    arm: ArmClient, azure: Azure, may_read_assignments: bool
) -> None:
    limited, object_id = restricted(azure)
    subscription = azure.subscription_ids[1]
    actions = ["Microsoft.Compute/disks/read", "Microsoft.Compute/snapshots/*"]
    if may_read_assignments:
        actions.append("Microsoft.Authorization/roleAssignments/read")
    assignment = grant(arm, subscription, object_id, actions)
    try:
        found = effective_permissions(limited, subscription)
        assert {action for entry in found for action in entry.actions} == set(actions)
        list(disks.list_disks(limited, subscription))
        with pytest.raises(Denied, match="virtualMachines/read"):
            list(machines.list_machines(limited, subscription))
    finally:
        arm.delete(assignment)


def test_a_container_is_opened_with_the_account_key_where_delegation_is_not_allowed(
    arm: ArmClient, azure: Azure
) -> None:
    limited, object_id = restricted(azure)
    subscription = azure.subscription_ids[0]
    account_id = as_text(backup_account(arm, azure)["id"])
    actions = ["Microsoft.Storage/storageAccounts/read"]
    without = grant(arm, subscription, object_id, actions)
    try:
        with pytest.raises(Denied, match="listKeys"):
            delegation.container_access(limited, account_id, "backups", "rcl", 600)
        keys = ["Microsoft.Storage/storageAccounts/listKeys/action"]
        with_keys = grant(arm, subscription, object_id, keys)
        url = delegation.container_access(limited, account_id, "backups", "rcl", 600)
        assert "skoid" not in url.secret_query
        client = open_container(SignedAccess(RenewableUrl(url)), azure.ca)
        name = f"by-key-{uuid.uuid4().hex}"
        client.put_new(name, b"x")
        assert client.get(name) == b"x"
        arm.delete(with_keys)
    finally:
        arm.delete(without)


def test_a_wrong_secret_is_denied_in_the_directorys_own_words(azure: Azure) -> None:
    cloud = Cloud.discover(azure.arm, azure.ca)
    login = AzureLogin(cloud, ServicePrincipal(azure.tenant_id, azure.client_id, "wrong"))
    with pytest.raises(Denied, match="Invalid client secret") as caught:
        login.object_id()
    assert caught.value.code == "AADSTS7000215"


def test_a_group_is_made_and_deleted_with_what_is_in_it(arm: ArmClient, azure: Azure) -> None:
    subscription = azure.subscription_ids[0]
    name = f"group-{uuid.uuid4().hex[:6]}"
    resources.create_group(arm, subscription, name, "westeurope", {"a": "b"})
    assert dig(arm.find(group_id(subscription, name)), "tags", "a") == "b"
    disk_id = f"{group_id(subscription, name)}/providers/Microsoft.Compute/disks/d"
    body: JsonObject = {
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
    }
    arm.put(disk_id, body)
    resources.delete_group(arm, subscription, name)
    assert arm.find(group_id(subscription, name)) is None
    assert arm.find(disk_id) is None
