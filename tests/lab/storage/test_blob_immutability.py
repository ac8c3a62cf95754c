"""Immutable versions: policies and legal holds of single versions, and defaults for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import (
    BlobContainer,
    BlobServiceProperties,
    StorageAccountUpdateParameters,
)
from azure.mgmt.storage.models import (
    ImmutabilityPolicy as ContainerImmutability,
)
from azure.storage.blob import BlobBlock, BlobClient, ContainerClient, ImmutabilityPolicy

from support.lab import Azure
from support.storage import Account, immutable_container, made_account, storage_client

MATCH = MatchConditions.IfNotModified
POLICY_OF_TWO_DAYS = {"immutabilityPeriodSinceCreationInDays": 2, "state": "Unlocked"}


@pytest.fixture(scope="module")
def account(azure: Azure) -> Iterator[Account]:
    with made_account(azure, versioning=True) as made:
        yield made


@pytest.fixture(scope="module")
def storage(account: Account) -> StorageManagementClient:
    return storage_client(account.azure, account.subscription_id)


@pytest.fixture
def container(account: Account) -> ContainerClient:
    """With immutable versions."""
    return immutable_container(account)


def in_days(days: float) -> datetime:
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


def policy(days: float, mode: str = "Unlocked") -> ImmutabilityPolicy:
    return ImmutabilityPolicy(expiry_time=in_days(days), policy_mode=mode)


def refused(act: object, *arguments: object, **named: object) -> str:
    """`409 Code` of the refusal."""
    assert callable(act)
    with pytest.raises(HttpResponseError) as refusal:
        act(*arguments, **named)
    error = refusal.value
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    said = headers.get("x-ms-error-code") or getattr(error.error, "code", "")
    return f"{error.status_code} {said}"  # some calls of the SDK leave the code out


def protection(blob: BlobClient, version_id: str | None = None) -> tuple[datetime | None, str]:
    found = blob.get_blob_properties(version_id=version_id).immutability_policy
    return found.expiry_time, str(found.policy_mode or "")


def test_a_protected_blob_can_be_overwritten_and_not_deleted(container: ContainerClient) -> None:
    blob = container.get_blob_client("b")
    first = blob.upload_blob(b"one", immutability_policy=policy(1, "Locked"))["version_id"]
    assert refused(blob.delete_blob) == "409 BlobImmutableDueToPolicy"
    assert refused(blob.set_blob_metadata, {"a": "1"}) == "409 BlobImmutableDueToPolicy"
    blob.upload_blob(b"", overwrite=True)
    blob.delete_blob()
    assert not blob.exists()
    assert refused(blob.delete_blob, version_id=first) == "409 BlobImmutableDueToPolicy"
    assert blob.download_blob(version_id=first).readall() == b"one"
    assert protection(blob, first)[1] == "locked"


def test_nobody_gets_rid_of_a_locked_version_with_all_the_rights_of_an_owner(
    account: Account, container: ContainerClient, storage: StorageManagementClient
) -> None:
    blob = container.get_blob_client("b")
    first = str(blob.upload_blob(b"one", immutability_policy=policy(1, "Locked"))["version_id"])
    blob.upload_blob(b"worthless", overwrite=True)
    blob.delete_blob()
    place = (account.group, account.name)
    off = BlobServiceProperties({"properties": {"isVersioningEnabled": False}})
    for attempt in (
        lambda: blob.delete_blob(version_id=first),
        lambda: blob.delete_immutability_policy(version_id=first),
        lambda: blob.set_immutability_policy(policy(1, "Unlocked"), version_id=first),
        container.delete_container,
        lambda: storage.blob_containers.delete(*place, container.container_name),
        lambda: storage.blob_services.set_service_properties(*place, off),
        lambda: storage.storage_accounts.delete(*place),
    ):
        assert refused(attempt).startswith("409")
    assert blob.download_blob(version_id=first).readall() == b"one"
    blob.start_copy_from_url(f"{blob.url}?versionid={first}")
    assert blob.download_blob().readall() == b"one"


def test_an_unlocked_policy_is_changed_and_removed_at_will(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"one", immutability_policy=policy(2))
    etag = blob.get_blob_properties().etag
    for days in (3, 1):
        wanted = policy(days)
        blob.set_immutability_policy(wanted)
        assert protection(blob) == (wanted.expiry_time, "unlocked")
    assert blob.get_blob_properties().etag == etag
    assert refused(blob.delete_blob) == "409 BlobImmutableDueToPolicy"
    blob.delete_immutability_policy()
    assert protection(blob) == (None, "")
    blob.delete_immutability_policy()  # fine without one
    blob.delete_blob()


def test_a_locked_policy_only_grows(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"one", immutability_policy=policy(2))
    blob.set_immutability_policy(policy(2, "Locked"))
    for weaker in (policy(1, "Locked"), policy(3, "Unlocked")):
        assert refused(blob.set_immutability_policy, weaker) == "409 BlobImmutableDueToPolicy"
    longer = policy(4, "Locked")
    blob.set_immutability_policy(longer)
    assert protection(blob) == (longer.expiry_time, "locked")
    gone = refused(blob.delete_immutability_policy)
    assert gone == "409 ImmutabilityPolicyDeleteOnLockedPolicy"


def test_a_policy_can_be_set_on_a_previous_version(container: ContainerClient) -> None:
    blob = container.get_blob_client("b")
    first = blob.upload_blob(b"one")["version_id"]
    blob.upload_blob(b"two", overwrite=True)
    blob.set_immutability_policy(policy(1), version_id=first)
    assert refused(blob.delete_blob, version_id=first) == "409 BlobImmutableDueToPolicy"
    assert protection(blob) == (None, "")
    blob.delete_immutability_policy(version_id=first)
    blob.delete_blob(version_id=first)


def test_a_legal_hold_keeps_a_version_until_it_is_lifted(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"one", legal_hold=True)
    found = blob.get_blob_properties()
    assert found.has_legal_hold
    assert refused(blob.delete_blob) == "409 BlobImmutableDueToLegalHold"
    assert refused(blob.set_blob_metadata, {"a": "1"}) == "409 BlobImmutableDueToLegalHold"
    assert blob.set_legal_hold(False)["legal_hold"] is False
    assert not blob.get_blob_properties().has_legal_hold
    blob.set_legal_hold(True)
    first = blob.get_blob_properties().version_id
    blob.upload_blob(b"two", overwrite=True)
    assert not blob.get_blob_properties().has_legal_hold
    assert refused(blob.delete_blob, version_id=first) == "409 BlobImmutableDueToLegalHold"
    blob.set_legal_hold(False, version_id=first)
    blob.delete_blob(version_id=first)


def test_lists_show_policies_and_holds_when_asked(container: ContainerClient) -> None:
    wanted = policy(1)
    container.upload_blob("b", b"one", immutability_policy=wanted, legal_hold=True)
    (plain,) = container.list_blobs()
    assert plain.immutability_policy.expiry_time is None
    (shown,) = container.list_blobs(include=["immutabilitypolicy", "legalhold"])
    assert shown.immutability_policy.expiry_time == wanted.expiry_time
    assert shown.immutability_policy.policy_mode == "unlocked"
    assert shown.has_legal_hold


def test_committing_blocks_and_copying_protect_as_well(container: ContainerClient) -> None:
    blocks, copy = container.get_blob_client("blocks"), container.get_blob_client("copy")
    blocks.stage_block("a", b"aaa")
    blocks.commit_block_list([BlobBlock("a")], immutability_policy=policy(1), legal_hold=True)
    copy.start_copy_from_url(blocks.url, immutability_policy=policy(1))
    assert refused(blocks.delete_blob) == "409 BlobImmutableDueToLegalHold"
    assert refused(copy.delete_blob) == "409 BlobImmutableDueToPolicy"


def test_policies_and_holds_need_a_container_for_them(account: Account) -> None:
    plain = account.client(account.key).create_container("plain")
    blob = plain.upload_blob("b", b"one")
    wanted = "409 ImmutableStorageWithVersioningNotEnabled"
    assert refused(plain.upload_blob, "c", b"1", immutability_policy=policy(1)) == wanted
    assert refused(plain.upload_blob, "c", b"1", legal_hold=True) == wanted
    assert refused(blob.set_immutability_policy, policy(1)) == wanted
    assert refused(blob.set_legal_hold, True) == wanted
    plain.delete_container()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ms-immutability-policy-until-date": "Thu, 01 Jan 2026 00:00:00 GMT"},
        {"x-ms-immutability-policy-until-date": "tomorrow"},
        {"x-ms-immutability-policy-mode": "Locked"},
        {
            "x-ms-immutability-policy-until-date": "Fri, 01 Jan 2100 00:00:00 GMT",
            "x-ms-immutability-policy-mode": "Mutable",
        },
        {"x-ms-legal-hold": "perhaps"},
    ],
)
def test_a_policy_must_make_sense(
    account: Account, container: ContainerClient, headers: Mapping[str, str]
) -> None:
    sent = {"x-ms-blob-type": "BlockBlob", **headers}
    answer = account.raw("PUT", f"{container.container_name}/b", headers=sent, data=b"1")
    assert answer.status_code == 400
    assert not container.get_blob_client("b").exists()


def test_protecting_needs_the_letter_i(account: Account, container: ContainerClient) -> None:
    container.upload_blob("b", b"one")
    name = container.container_name
    without = account.container(name, account.sas("racwdxyltf")).get_blob_client("b")
    denied = "403 AuthorizationPermissionMismatch"
    assert refused(without.set_immutability_policy, policy(1)) == denied
    assert refused(without.delete_immutability_policy) == denied
    assert refused(without.set_legal_hold, True) == denied
    upload = refused(without.upload_blob, b"2", overwrite=True, immutability_policy=policy(1))
    assert upload == denied
    allowed = account.container(name, account.sas("i")).get_blob_client("b")
    allowed.set_immutability_policy(policy(1))
    allowed.set_legal_hold(True)


def test_a_container_s_policy_is_the_default_of_new_versions(
    account: Account, container: ContainerClient, storage: StorageManagementClient
) -> None:
    before = container.upload_blob("before", b"1")
    place = (account.group, account.name, container.container_name)
    days = {"properties": {"immutabilityPeriodSinceCreationInDays": 3}}
    made = storage.blob_containers.create_or_update_immutability_policy(
        *place, parameters=ContainerImmutability(days)
    )
    blob = container.upload_blob("b", b"one")
    until, mode = protection(blob)
    assert mode == "unlocked"
    assert until is not None
    assert abs(until - in_days(3)) < timedelta(minutes=1)
    assert protection(before) == (None, "")
    own = policy(1)
    assert protection(container.upload_blob("own", b"1", immutability_policy=own)) == (
        own.expiry_time,
        "unlocked",
    )
    storage.blob_containers.lock_immutability_policy(
        *place, etag=made.etag or "", match_condition=MATCH
    )
    blob.upload_blob(b"two", overwrite=True)
    assert protection(blob)[1] == "locked"
    assert protection(container.upload_blob("own2", b"1", immutability_policy=own))[1] == "unlocked"


def test_an_account_with_immutable_versions_has_them_everywhere(azure: Azure) -> None:
    immutable = {"enabled": True, "immutabilityPolicy": POLICY_OF_TWO_DAYS}
    with made_account(azure, properties={"immutableStorageWithVersioning": immutable}) as account:
        storage = storage_client(azure, account.subscription_id)
        shown = storage.blob_services.get_service_properties(account.group, account.name)
        assert shown.blob_service_properties is not None
        assert shown.blob_service_properties.is_versioning_enabled
        container = account.client(account.key).create_container("box")
        assert container.get_container_properties().immutable_storage_with_versioning_enabled
        until, mode = protection(container.upload_blob("b", b"1"))
        assert mode == "unlocked"
        assert until is not None
        assert abs(until - in_days(2)) < timedelta(minutes=1)
        off = BlobServiceProperties({"properties": {"isVersioningEnabled": False}})
        place = (account.group, account.name)
        stop = refused(storage.blob_services.set_service_properties, *place, off)
        assert stop == "409 ConflictFeatureEnabled"
        gone = refused(storage.storage_accounts.delete, *place)
        assert gone == "409 AccountProtectedFromDeletion"
        locked = {"immutabilityPolicy": {**POLICY_OF_TWO_DAYS, "state": "Locked"}}
        update(storage, account, locked)
        with pytest.raises(HttpResponseError):
            update(storage, account, {"immutabilityPolicy": POLICY_OF_TWO_DAYS})
        assert protection(container.upload_blob("c", b"1"))[1] == "locked"


def update(storage: StorageManagementClient, account: Account, immutable: object) -> None:
    body = {"properties": {"immutableStorageWithVersioning": immutable}}
    storage.storage_accounts.update(
        account.group, account.name, StorageAccountUpdateParameters(body)
    )


def test_immutable_versions_need_versions(azure: Azure) -> None:
    with made_account(azure) as account:
        with pytest.raises(HttpResponseError) as refusal:
            immutable_container(account)
        assert refusal.value.status_code == 409


def test_immutable_versions_of_an_account_are_a_matter_of_its_making(
    account: Account, storage: StorageManagementClient
) -> None:
    with pytest.raises(HttpResponseError) as refusal:
        update(storage, account, {"enabled": True})
    assert refusal.value.status_code == 409


def test_a_container_with_immutable_versions_goes_through_arm_when_it_is_empty(
    account: Account, container: ContainerClient, storage: StorageManagementClient
) -> None:
    place = (account.group, account.name, container.container_name)
    first = container.get_blob_client("b").upload_blob(b"1")["version_id"]
    wanted = "409 ContainerImmutableStorageWithVersioningEnabled"
    assert refused(container.delete_container) == wanted
    assert refused(storage.blob_containers.delete, *place).startswith("409")
    container.delete_blob("b")
    assert refused(storage.blob_containers.delete, *place).startswith("409")
    container.get_blob_client("b").delete_blob(version_id=first)
    storage.blob_containers.delete(*place)
    assert not container.exists()


def test_arm_and_the_data_plane_tell_that_versions_are_immutable(
    account: Account, container: ContainerClient, storage: StorageManagementClient
) -> None:
    place = (account.group, account.name, container.container_name)
    shown = storage.blob_containers.get(*place).container_properties
    assert shown is not None
    assert shown.immutable_storage_with_versioning is not None
    assert shown.immutable_storage_with_versioning.enabled
    assert container.get_container_properties().immutable_storage_with_versioning_enabled
    listed = account.client(account.key).list_containers(name_starts_with=place[2])
    assert [one.immutable_storage_with_versioning_enabled for one in listed] == [True]
    off = {"properties": {"immutableStorageWithVersioning": {"enabled": False}}}
    with pytest.raises(HttpResponseError):
        storage.blob_containers.update(*place, BlobContainer(off))
