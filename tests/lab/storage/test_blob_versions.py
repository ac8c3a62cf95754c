"""Blob versions: what writing, deleting and restoring make of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.storage.models import BlobServiceProperties
from azure.storage.blob import (
    BlobBlock,
    BlobProperties,
    BlobServiceClient,
    ContainerClient,
    generate_blob_sas,
)

from support.lab import Azure
from support.storage import Account, code, made_account, storage_client

UNKNOWN = "2020-01-01T00:00:00.0000000Z"


@pytest.fixture(scope="module")
def account(azure: Azure) -> Iterator[Account]:
    with made_account(azure, versioning=True) as made:
        yield made


@pytest.fixture(scope="module")
def service(account: Account) -> BlobServiceClient:
    return account.client(account.key)


def write(container: ContainerClient, data: bytes, name: str = "b") -> str:
    """Writes the blob and returns the id of the version that this made."""
    blob = container.get_blob_client(name)
    return str(blob.upload_blob(data, overwrite=True)["version_id"])


def read(container: ContainerClient, version_id: str | None = None, name: str = "b") -> bytes:
    blob = container.get_blob_client(name)
    return bytes(blob.download_blob(version_id=version_id).readall())


def versions(container: ContainerClient) -> list[BlobProperties]:
    return list(container.list_blobs(include=["versions"]))


def ids(container: ContainerClient) -> list[str]:
    return [str(one.version_id) for one in versions(container)]


def set_versioning(account: Account, *, enabled: bool) -> None:
    storage_client(account.azure, account.subscription_id).blob_services.set_service_properties(
        account.group,
        account.name,
        BlobServiceProperties({"properties": {"isVersioningEnabled": enabled}}),
    )


def test_every_overwrite_keeps_what_was_there(container: ContainerClient) -> None:
    made = [write(container, data) for data in (b"one", b"two", b"three")]
    assert [read(container, one) for one in made] == [b"one", b"two", b"three"]
    assert read(container) == b"three"
    listed = versions(container)
    assert [one.version_id for one in listed] == made
    assert [bool(one.is_current_version) for one in listed] == [False, False, True]
    assert [one.name for one in container.list_blobs()] == ["b"]


def test_the_head_of_a_version_tells_whether_it_is_current(container: ContainerClient) -> None:
    first, second = write(container, b"one"), write(container, b"two2")
    blob = container.get_blob_client("b")
    now, before = blob.get_blob_properties(), blob.get_blob_properties(version_id=first)
    assert (now.version_id, now.is_current_version, now.size) == (second, True, 4)
    assert (before.version_id, bool(before.is_current_version), before.size) == (first, False, 3)
    assert blob.exists(version_id=first)
    assert not blob.exists(version_id=UNKNOWN)


def test_a_deleted_blob_leaves_its_versions(account: Account, container: ContainerClient) -> None:
    made = [write(container, b"one"), write(container, b"two")]
    answer = account.raw("DELETE", f"{container.container_name}/b")
    assert answer.headers["x-ms-delete-type-permanent"] == "false"
    assert not container.get_blob_client("b").exists()
    assert list(container.list_blobs()) == []
    listed = versions(container)
    assert [one.version_id for one in listed] == made
    assert not any(one.is_current_version or one.has_versions_only for one in listed)
    assert read(container, made[1]) == b"two"
    third = write(container, b"three")
    assert ids(container) == [*made, third]


def test_a_blob_of_versions_only_is_listed_when_asked_for(container: ContainerClient) -> None:
    first = write(container, b"one")
    container.delete_blob("b")
    (marker,) = container.list_blobs(include=["deletedwithversions"])
    assert (marker.name, marker.has_versions_only) == ("b", True)
    with pytest.raises(HttpResponseError) as refusal:
        container.get_blob_client("b").delete_blob(version_id=marker.version_id)
    assert code(refusal.value) == "OperationNotAllowedOnRootBlob"
    container.get_blob_client("b").delete_blob(version_id=first)
    assert list(container.list_blobs(include=["deletedwithversions", "versions"])) == []


def test_only_a_previous_version_can_be_deleted_by_its_id(container: ContainerClient) -> None:
    first, second = write(container, b"one"), write(container, b"two")
    blob = container.get_blob_client("b")
    with pytest.raises(HttpResponseError) as refusal:
        blob.delete_blob(version_id=second)
    assert refusal.value.status_code == 403
    assert code(refusal.value) == "OperationNotAllowedOnRootBlob"
    blob.delete_blob(version_id=first)
    assert ids(container) == [second]
    with pytest.raises(ResourceNotFoundError):
        blob.delete_blob(version_id=first)


def test_a_version_is_restored_by_copying_it_over_the_blob(
    account: Account, container: ContainerClient
) -> None:
    first = write(container, b"one")
    write(container, b"two")
    blob = container.get_blob_client("b")
    copied = blob.start_copy_from_url(f"{blob.url}?versionid={first}")
    assert copied["copy_status"] == "success"
    assert read(container) == b"one"
    assert len(ids(container)) == 3
    container.delete_blob("b")
    blob.upload_blob_from_url(f"{blob.url}?versionid={first}&{account.sas()}")
    assert read(container) == b"one"


def test_committing_blocks_makes_a_version_and_keeps_the_blocks_of_the_other(
    container: ContainerClient,
) -> None:
    blob = container.get_blob_client("b")
    blob.stage_block("a", b"aaa")
    blob.stage_block("b", b"bbb")
    first = str(blob.commit_block_list([BlobBlock("a"), BlobBlock("b")])["version_id"])
    blob.stage_block("c", b"c")
    blob.commit_block_list([BlobBlock("c"), BlobBlock("b")])
    assert read(container) == b"cbbb"
    assert read(container, first) == b"aaabbb"
    blob.delete_blob(version_id=first)
    assert read(container) == b"cbbb"


def test_new_metadata_make_a_version_and_new_headers_do_not(container: ContainerClient) -> None:
    first = write(container, b"one")
    blob = container.get_blob_client("b")
    second = blob.set_blob_metadata({"a": "1"})["version_id"]
    blob.set_http_headers()
    assert ids(container) == [first, second]
    assert blob.get_blob_properties(version_id=first).metadata == {}
    assert blob.get_blob_properties().metadata == {"a": "1"}
    assert read(container) == b"one"


def test_tags_and_tiers_belong_to_one_version(container: ContainerClient) -> None:
    first = write(container, b"one")
    write(container, b"two")
    blob = container.get_blob_client("b")
    blob.set_blob_tags({"a": "old"}, version_id=first)
    blob.set_standard_blob_tier("Cool", version_id=first)
    assert blob.get_blob_tags() == {}
    assert blob.get_blob_tags(version_id=first) == {"a": "old"}
    assert blob.get_blob_properties().blob_tier == "Hot"
    assert blob.get_blob_properties(version_id=first).blob_tier == "Cool"


def test_pages_of_a_list_may_end_between_two_versions(container: ContainerClient) -> None:
    made = [
        (name, write(container, bytes([number]), name))
        for name in ("a", "b/1", "b/2", "c")
        for number in range(3)
    ]
    pages = container.list_blobs(include=["versions"], results_per_page=2).by_page()
    seen = [[(one.name, one.version_id) for one in page] for page in pages]
    assert [len(page) for page in seen] == [2] * 6
    assert [one for page in seen for one in page] == made
    folded = sorted(one.name for one in container.walk_blobs(include=["versions"]))
    assert folded == ["a"] * 3 + ["b/"] + ["c"] * 3


@pytest.mark.parametrize("wrong", ["yesterday", "2026-08-13", "2026-08-13T10:00:00Z"])
def test_a_version_id_must_be_one(account: Account, container: ContainerClient, wrong: str) -> None:
    write(container, b"one")
    answer = account.raw("GET", f"{container.container_name}/b", query={"versionid": wrong})
    assert answer.status_code == 400
    assert answer.headers["x-ms-error-code"] == "InvalidQueryParameterValue"


def test_a_blob_from_before_versions_becomes_one_when_it_is_written(azure: Azure) -> None:
    with made_account(azure) as account:
        container = account.client(account.key).create_container("box")
        container.upload_blob("b", b"old")
        set_versioning(account, enabled=True)
        assert container.get_blob_client("b").get_blob_properties().version_id is None
        second = write(container, b"new")
        first, listed = ids(container)
        assert listed == second
        assert read(container, first) == b"old"


def test_without_versions_any_more_writing_keeps_the_old_ones(azure: Azure) -> None:
    with made_account(azure, versioning=True) as account:
        container = account.client(account.key).create_container("box")
        first, second = write(container, b"one"), write(container, b"two")
        set_versioning(account, enabled=False)
        for data in (b"three", b"four"):
            assert container.upload_blob("b", data, overwrite=True)
        assert [one.version_id for one in versions(container)] == [first, second, None]
        assert read(container) == b"four"
        container.get_blob_client("b").delete_blob(version_id=first)
        container.delete_blob("b")
        assert ids(container) == [second]


def test_deleting_a_version_needs_a_right_of_its_own(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    first = write(container, b"one")
    write(container, b"two")
    name = container.container_name
    for permission, allowed in (("d", False), ("rwl", False), ("x", True)):
        blob = account.container(name, account.sas(permission)).get_blob_client("b")
        if allowed:
            blob.delete_blob(version_id=first)
            continue
        with pytest.raises(HttpResponseError) as refusal:
            blob.delete_blob(version_id=first)
        assert code(refusal.value) == "AuthorizationPermissionMismatch"
    with pytest.raises(HttpResponseError) as refusal:
        account.container(name, account.sas("x")).delete_blob("b")
    assert code(refusal.value) == "AuthorizationPermissionMismatch"


def test_a_sas_for_a_version_opens_that_version_only(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    first, second = write(container, b"one"), write(container, b"two")
    sas = generate_blob_sas(
        account.name,
        container.container_name,
        "b",
        account_key=account.key,
        permission="r",
        expiry=soon,
        version_id=first,
    )
    blob = account.container(container.container_name, sas).get_blob_client("b")
    assert blob.download_blob(version_id=first).readall() == b"one"
    for other in (second, None):
        with pytest.raises(HttpResponseError) as refusal:
            blob.download_blob(version_id=other)
        assert refusal.value.status_code == 403


def test_versions_go_with_their_container(service: BlobServiceClient) -> None:
    container = service.create_container(f"box-{uuid.uuid4().hex[:12]}")
    write(container, b"one")
    write(container, b"two")
    container.delete_container()
    again = service.create_container(container.container_name)
    assert ids(again) == []
    again.delete_container()
