"""Soft delete of blobs, versions and containers; snapshots."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.storage.models import BlobServiceProperties
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    RetentionPolicy,
)

from support.lab import Azure
from support.storage import Account, code, immutable_container, made_account, storage_client

DAYS = 7
SOFT: dict[str, object] = {
    "deleteRetentionPolicy": {"enabled": True, "days": DAYS},
    "containerDeleteRetentionPolicy": {"enabled": True, "days": DAYS},
}
PERMANENT = {"deletetype": "permanent"}


def switch(account: Account, properties: dict[str, object]) -> None:
    client = storage_client(account.azure, account.subscription_id)
    body = BlobServiceProperties({"properties": properties})
    client.blob_services.set_service_properties(account.group, account.name, body)


@pytest.fixture(scope="module")
def account(azure: Azure) -> Iterator[Account]:
    """Keeps what was deleted for a week."""
    with made_account(azure) as made:
        switch(made, SOFT)
        yield made


@pytest.fixture(scope="module")
def versioned(azure: Azure) -> Iterator[Account]:
    """Keeps versions too, and lets soft-deleted ones be deleted for good."""
    with made_account(azure, versioning=True) as made:
        policy = {"enabled": True, "days": DAYS, "allowPermanentDelete": True}
        switch(made, {**SOFT, "deleteRetentionPolicy": policy})
        yield made


@pytest.fixture(scope="module")
def service(account: Account) -> BlobServiceClient:
    return account.client(account.key)


@pytest.fixture
def versions(versioned: Account) -> ContainerClient:
    """A container of the account with versions."""
    name = f"box-{uuid.uuid4().hex[:12]}"
    return versioned.client(versioned.key).create_container(name)


def test_a_deleted_blob_comes_back_as_it_was(account: Account, container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"one", metadata={"a": "1"})
    answer = account.raw("DELETE", f"{container.container_name}/b")
    assert answer.headers["x-ms-delete-type-permanent"] == "false"
    assert not blob.exists()
    assert list(container.list_blobs()) == []
    (gone,) = container.list_blobs(include=["deleted", "metadata"])
    assert (gone.name, gone.deleted, gone.metadata) == ("b", True, {"a": "1"})
    assert gone.deleted_time is not None
    assert gone.remaining_retention_days in (DAYS - 1, DAYS)
    blob.undelete_blob()
    assert blob.download_blob().readall() == b"one"
    blob.undelete_blob()  # nothing is deleted any more, and that is fine
    with pytest.raises(ResourceNotFoundError):
        container.get_blob_client("never").undelete_blob()


def test_what_was_overwritten_comes_back_as_a_snapshot(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"one")
    blob.upload_blob(b"two", overwrite=True)
    kept = list(container.list_blobs(include=["deleted", "snapshots"]))
    assert [(one.deleted, bool(one.snapshot)) for one in kept] == [(True, True), (None, False)]
    blob.undelete_blob()
    assert blob.download_blob().readall() == b"two"
    old = container.get_blob_client("b", snapshot=str(kept[0].snapshot))
    assert old.download_blob().readall() == b"one"
    blob.start_copy_from_url(old.url)
    assert blob.download_blob().readall() == b"one"


def test_a_new_blob_pushes_a_deleted_one_of_its_name_aside(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"one")
    blob.delete_blob()
    blob.upload_blob(b"two")
    blob.undelete_blob()
    assert blob.download_blob().readall() == b"two"
    (snapshot, _) = container.list_blobs(include=["snapshots"])
    old = container.get_blob_client("b", snapshot=str(snapshot.snapshot))
    assert old.download_blob().readall() == b"one"


def test_snapshots_stand_in_the_way_of_deleting(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"one")
    taken = [str(blob.create_snapshot()["snapshot"]) for _ in range(3)]
    listed = list(container.list_blobs(include=["snapshots"]))
    assert [one.snapshot for one in listed] == [*taken, None]
    with pytest.raises(HttpResponseError) as refusal:
        blob.delete_blob()
    assert code(refusal.value) == "SnapshotsPresent"
    container.get_blob_client("b", snapshot=taken[0]).delete_blob()
    blob.delete_blob(delete_snapshots="only")
    assert [one.snapshot for one in container.list_blobs(include=["snapshots"])] == [None]
    blob.create_snapshot()
    blob.delete_blob(delete_snapshots="include")
    assert list(container.list_blobs(include=["snapshots"])) == []
    blob.undelete_blob()
    assert len(list(container.list_blobs(include=["snapshots"]))) == 5


def test_a_snapshot_and_a_version_at_once_are_too_much(
    account: Account, container: ContainerClient
) -> None:
    container.upload_blob("b", b"one")
    time = "2026-01-01T00:00:00.0000000Z"
    both = {"snapshot": time, "versionid": time}
    answer = account.raw("GET", f"{container.container_name}/b", query=both)
    assert answer.status_code == 400
    assert answer.headers["x-ms-error-code"] == "MutuallyExclusiveQueryParameters"


def test_a_deleted_version_is_kept_until_it_is_deleted_permanently(
    versioned: Account, versions: ContainerClient
) -> None:
    blob = versions.get_blob_client("b")
    first = str(blob.upload_blob(b"one")["version_id"])
    blob.upload_blob(b"two", overwrite=True)
    path = f"{versions.container_name}/b"
    at_once = versioned.raw("DELETE", path, query={"versionid": first, **PERMANENT})
    assert at_once.headers["x-ms-error-code"] == "BlobSnapshotNotSoftDeleted"
    blob.delete_blob(version_id=first)
    assert not blob.exists(version_id=first)
    shown = list(versions.list_blobs(include=["versions", "deleted"]))
    assert [(one.version_id == first, bool(one.deleted)) for one in shown] == [
        (True, True),
        (False, False),
    ]
    blob.undelete_blob()
    assert blob.download_blob(version_id=first).readall() == b"one"
    blob.delete_blob(version_id=first)
    denied = versioned.raw(
        "DELETE", path, query={"versionid": first, **PERMANENT}, sas=versioned.sas("dx")
    )
    assert denied.headers["x-ms-error-code"] == "AuthorizationPermissionMismatch"
    gone = versioned.raw(
        "DELETE", path, query={"versionid": first, **PERMANENT}, sas=versioned.sas("y")
    )
    assert (gone.status_code, gone.headers["x-ms-delete-type-permanent"]) == (202, "true")
    blob.undelete_blob()
    assert not blob.exists(version_id=first)


def test_undelete_makes_no_version_current(versions: ContainerClient) -> None:
    blob = versions.get_blob_client("b")
    first = str(blob.upload_blob(b"one")["version_id"])
    blob.delete_blob()
    blob.delete_blob(version_id=first)
    blob.undelete_blob()
    assert not blob.exists()
    assert blob.download_blob(version_id=first).readall() == b"one"


def test_a_snapshot_of_a_versioned_blob_makes_a_version(versions: ContainerClient) -> None:
    blob = versions.get_blob_client("b")
    first = blob.upload_blob(b"one")["version_id"]
    second = blob.create_snapshot()["version_id"]
    assert [one.version_id for one in versions.list_blobs(include=["versions"])] == [first, second]


def test_soft_delete_does_not_weaken_immutable_versions(versioned: Account) -> None:
    blob = immutable_container(versioned).get_blob_client("b")
    first = blob.upload_blob(b"one", legal_hold=True)["version_id"]
    blob.upload_blob(b"two", overwrite=True)
    with pytest.raises(HttpResponseError) as refusal:
        blob.delete_blob(version_id=first)
    assert code(refusal.value) == "BlobImmutableDueToLegalHold"


def test_a_deleted_container_comes_back_with_its_blobs(
    account: Account, service: BlobServiceClient
) -> None:
    name = f"box-{uuid.uuid4().hex[:12]}"
    container = service.create_container(name, metadata={"a": "1"})
    container.upload_blob("b", b"one")
    container.delete_container()
    assert list(service.list_containers(name)) == []
    (gone,) = service.list_containers(name, include_deleted=True)
    assert (gone.name, gone.deleted) == (name, True)
    client = storage_client(account.azure, account.subscription_id)
    listed = client.blob_containers.list(account.group, account.name, include="deleted")
    assert name in [one.name for one in listed if one.properties and one.properties.deleted]
    service.create_container(name)
    with pytest.raises(ResourceExistsError):
        service.undelete_container(name, str(gone.version))
    container.delete_container()
    with pytest.raises(ResourceNotFoundError):
        service.undelete_container(name, "01D60F8BB59A4652")
    service.undelete_container(name, str(gone.version))
    assert container.get_container_properties().metadata == {"a": "1"}
    assert container.download_blob("b").readall() == b"one"
    container.delete_container()


def test_both_planes_show_and_set_the_days(account: Account, service: BlobServiceClient) -> None:
    held = service.get_service_properties()["delete_retention_policy"]
    assert (held.enabled, held.days) == (True, DAYS)
    service.set_service_properties(delete_retention_policy=RetentionPolicy(True, 3))
    client = storage_client(account.azure, account.subscription_id)
    shown = client.blob_services.get_service_properties(account.group, account.name)
    assert shown.blob_service_properties is not None
    assert shown.blob_service_properties.delete_retention_policy is not None
    assert shown.blob_service_properties.delete_retention_policy.days == 3
    switch(account, SOFT)
    with pytest.raises(HttpResponseError) as refusal:
        switch(account, {"deleteRetentionPolicy": {"enabled": True, "days": 400}})
    assert refusal.value.status_code == 400
