"""Storage accounts and containers through ARM, with azure-mgmt-storage."""

from __future__ import annotations

import uuid
from datetime import datetime

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import (
    AccountSasParameters,
    BlobContainer,
    BlobServiceProperties,
    ServiceSasParameters,
    StorageAccountCheckNameAvailabilityParameters,
    StorageAccountCreateParameters,
    StorageAccountRegenerateKeyParameters,
    StorageAccountUpdateParameters,
)
from azure.storage.blob import BlobServiceClient

from support.lab import Azure
from support.storage import (
    NEW_ACCOUNT,
    Account,
    account_keys,
    blob_url,
    resource_client,
    storage_client,
)

BODY = StorageAccountCreateParameters(NEW_ACCOUNT)


@pytest.fixture(scope="module")
def storage(account: Account) -> StorageManagementClient:
    return storage_client(account.azure, account.subscription_id)


def new_name() -> str:
    return f"lab{uuid.uuid4().hex[:12]}"


def test_an_account_is_found_in_its_group_and_its_subscription(
    storage: StorageManagementClient, account: Account
) -> None:
    one = storage.storage_accounts.get_properties(account.group, account.name)
    assert one.id is not None
    assert one.kind == "StorageV2"
    assert one.sku is not None
    assert one.sku.name == "Standard_LRS"
    assert one.properties is not None
    assert one.properties.provisioning_state == "Succeeded"
    assert blob_url(one) == account.url + "/"
    in_group = list(storage.storage_accounts.list_by_resource_group(account.group))
    assert [found.id for found in in_group] == [one.id]
    assert one.id in [found.id for found in storage.storage_accounts.list()]


def test_tags_and_access_tier_of_an_account_can_be_changed(
    storage: StorageManagementClient, account: Account
) -> None:
    name = new_name()
    storage.storage_accounts.begin_create(account.group, name, BODY).result()
    changed = storage.storage_accounts.update(
        account.group,
        name,
        StorageAccountUpdateParameters(
            {"tags": {"team": "x"}, "properties": {"accessTier": "Cool"}}
        ),
    )
    assert changed.tags == {"team": "x"}
    assert changed.properties is not None
    assert changed.properties.access_tier == "Cool"
    storage.storage_accounts.delete(account.group, name)
    with pytest.raises(ResourceNotFoundError):
        storage.storage_accounts.get_properties(account.group, name)
    storage.storage_accounts.delete(account.group, name)  # 204


def test_a_name_is_taken_once_in_the_whole_cloud(
    storage: StorageManagementClient, account: Account, azure: Azure
) -> None:
    assert storage.storage_accounts.check_name_availability(
        StorageAccountCheckNameAvailabilityParameters({"name": new_name()})
    ).name_available
    taken = storage.storage_accounts.check_name_availability(
        StorageAccountCheckNameAvailabilityParameters({"name": account.name})
    )
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")
    invalid = storage.storage_accounts.check_name_availability(
        StorageAccountCheckNameAvailabilityParameters({"name": "No-Good"})
    )
    assert (invalid.name_available, invalid.reason) == (False, "AccountNameInvalid")
    other = storage_client(azure, azure.subscription_ids[1])
    groups = resource_client(azure, azure.subscription_ids[1]).resource_groups.list()
    group = next(iter(groups)).name or ""
    with pytest.raises(HttpResponseError) as refusal:
        other.storage_accounts.begin_create(group, account.name, BODY).result()
    assert refusal.value.status_code == 409
    assert refusal.value.error is not None
    assert refusal.value.error.code == "StorageAccountAlreadyTaken"


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"sku": {"name": "Gold"}}, 400),
        ({"kind": "Drawer"}, 400),
        ({"location": None}, 400),
        ({"colour": "blue"}, 400),
        ({"properties": {"isHnsEnabled": True}}, 501),
        ({"properties": {"networkAcls": {"defaultAction": "Perhaps"}}}, 400),
        ({"properties": {"networkAcls": {"ipRules": [{"value": "10.0.0.1"}]}}}, 400),
        ({"properties": {"minimumTlsVersion": "SSL3"}}, 400),
        ({"properties": {"encryption": {"keySource": "Microsoft.Keyvault"}}}, 501),
        ({"properties": {"publicNetworkAccess": "SecuredByPerimeter"}}, 501),
    ],
)
def test_what_the_lab_cannot_do_is_refused_when_an_account_is_created(
    storage: StorageManagementClient, account: Account, members: dict[str, object], status: int
) -> None:
    name = new_name()
    with pytest.raises(HttpResponseError) as refusal:
        storage.storage_accounts.begin_create(
            account.group, name, StorageAccountCreateParameters({**NEW_ACCOUNT, **members})
        ).result()
    assert refusal.value.status_code == status
    with pytest.raises(ResourceNotFoundError):
        storage.storage_accounts.get_properties(account.group, name)


def test_a_regenerated_key_ends_the_old_one_and_leaves_the_other(
    storage: StorageManagementClient, account: Account
) -> None:
    name = new_name()
    made = storage.storage_accounts.begin_create(account.group, name, BODY).result()
    before = account_keys(storage, account.group, name)
    storage.storage_accounts.regenerate_key(
        account.group, name, StorageAccountRegenerateKeyParameters({"keyName": "key1"})
    )
    after = account_keys(storage, account.group, name)
    assert before[0] != after[0]
    assert before[1] == after[1]

    def list_with(key: str) -> None:
        client = BlobServiceClient(
            blob_url(made),
            credential={"account_name": name, "account_key": key},
            connection_verify=account.azure.ca or True,
            retry_total=0,
        )
        list(client.list_containers())

    list_with(after[0])
    list_with(after[1])
    with pytest.raises(HttpResponseError) as refusal:
        list_with(before[0])
    assert refusal.value.status_code == 403
    storage.storage_accounts.delete(account.group, name)


def test_containers_made_in_arm_and_in_the_data_plane_are_the_same(
    storage: StorageManagementClient, account: Account, service: BlobServiceClient
) -> None:
    first, second = f"arm-{uuid.uuid4().hex[:8]}", f"data-{uuid.uuid4().hex[:8]}"
    made = storage.blob_containers.create(
        account.group, account.name, first, BlobContainer({"properties": {"metadata": {"a": "1"}}})
    )
    assert made.name == first
    assert service.get_container_client(first).get_container_properties().metadata == {"a": "1"}
    service.create_container(second)
    names = [one.name for one in storage.blob_containers.list(account.group, account.name)]
    assert {first, second} <= set(names)
    changed = storage.blob_containers.update(
        account.group, account.name, second, BlobContainer({"properties": {"metadata": {"b": "2"}}})
    )
    assert changed.container_properties is not None
    assert changed.container_properties.metadata == {"b": "2"}
    for name in (first, second):
        storage.blob_containers.delete(account.group, account.name, name)
        assert not service.get_container_client(name).exists()
    with pytest.raises(ResourceNotFoundError):
        storage.blob_containers.get(account.group, account.name, first)


@pytest.mark.parametrize("name", ["UPPER", "a", "two--hyphens", "-first", "under_score"])
def test_a_container_needs_a_proper_name(
    storage: StorageManagementClient, account: Account, name: str
) -> None:
    with pytest.raises((HttpResponseError, ValueError)):
        storage.blob_containers.create(account.group, account.name, name, BlobContainer({}))


def test_switches_of_the_blob_service_that_the_lab_has_not_are_refused(
    storage: StorageManagementClient, account: Account
) -> None:
    shown = storage.blob_services.get_service_properties(account.group, account.name)
    assert shown.blob_service_properties is not None
    assert shown.blob_service_properties.is_versioning_enabled is False
    for properties in (
        {"automaticSnapshotPolicyEnabled": True},
        {"changeFeed": {"enabled": True}},
    ):
        with pytest.raises(HttpResponseError) as refusal:
            storage.blob_services.set_service_properties(
                account.group, account.name, BlobServiceProperties({"properties": properties})
            )
        assert refusal.value.status_code == 501
    kept = storage.blob_services.set_service_properties(
        account.group,
        account.name,
        BlobServiceProperties({"properties": {"isVersioningEnabled": False}}),
    )
    assert kept.blob_service_properties is not None
    assert kept.blob_service_properties.is_versioning_enabled is False


def test_deleting_an_account_deletes_its_blobs_for_good(
    storage: StorageManagementClient, account: Account
) -> None:
    name = new_name()

    def make() -> BlobServiceClient:
        made = storage.storage_accounts.begin_create(account.group, name, BODY).result()
        key = account_keys(storage, account.group, name)[0]
        return BlobServiceClient(
            blob_url(made),
            credential=key,
            connection_verify=account.azure.ca or True,
            retry_total=0,
        )

    client = make()
    client.create_container("box").upload_blob("b", b"1")
    storage.storage_accounts.delete(account.group, name)
    with pytest.raises(HttpResponseError):
        client.get_container_client("box").get_blob_client("b").download_blob()
    assert list(make().list_containers()) == []
    storage.storage_accounts.delete(account.group, name)


def test_signatures_made_by_arm_open_what_they_say(
    storage: StorageManagementClient, account: Account, service: BlobServiceClient, soon: datetime
) -> None:
    box = service.create_container(f"sas-{uuid.uuid4().hex[:8]}")
    box.upload_blob("b", b"1")
    expiry = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
    common = {"signedPermission": "rl", "signedExpiry": expiry, "keyToSign": "key2"}
    whole = storage.storage_accounts.list_account_sas(
        account.group,
        account.name,
        AccountSasParameters({**common, "signedServices": "b", "signedResourceTypes": "sco"}),
    ).account_sas_token
    one = storage.storage_accounts.list_service_sas(
        account.group,
        account.name,
        ServiceSasParameters(
            {
                **common,
                "signedResource": "c",
                "canonicalizedResource": f"/blob/{account.name}/{box.container_name}",
            }
        ),
    ).service_sas_token
    for sas in (whole, one):
        assert sas is not None
        opened = account.container(box.container_name, sas)
        assert [blob.name for blob in opened.list_blobs()] == ["b"]
        with pytest.raises(HttpResponseError) as refusal:
            opened.upload_blob("c", b"2")
        assert refusal.value.status_code == 403
    with pytest.raises(HttpResponseError) as refusal:
        storage.storage_accounts.list_account_sas(
            account.group, account.name, AccountSasParameters({"signedServices": "b"})
        )
    assert refusal.value.status_code == 400
    box.delete_container()
