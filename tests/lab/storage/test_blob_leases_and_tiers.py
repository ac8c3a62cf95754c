"""Leases and tiers through the SDK; what depends on time is in the tests of the clock."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobLeaseClient, ContainerClient, StandardBlobTier

from support.storage import Account, code


def test_a_leased_blob_is_changed_only_with_the_lease(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"1")
    lease = blob.acquire_lease(15)
    found = blob.get_blob_properties().lease
    assert (found.status, found.state, found.duration) == ("locked", "leased", "fixed")
    for write in (
        lambda: blob.upload_blob(b"2", overwrite=True),
        lambda: blob.set_blob_metadata({"a": "1"}),
        lambda: blob.delete_blob(),
        lambda: blob.stage_block("a", b"1"),
    ):
        with pytest.raises(HttpResponseError) as refusal:
            write()
        assert (refusal.value.status_code, code(refusal.value)) == (412, "LeaseIdMissing")
    with pytest.raises(HttpResponseError) as refusal:
        blob.upload_blob(b"2", overwrite=True, lease=BlobLeaseClient(blob, str(uuid.uuid4())))
    assert code(refusal.value) == "LeaseIdMismatchWithBlobOperation"
    blob.upload_blob(b"2", overwrite=True, lease=lease)
    assert blob.get_blob_properties().lease.state == "leased"  # overwriting keeps the lease
    with pytest.raises(HttpResponseError) as refusal:
        BlobLeaseClient(blob).acquire(15)
    assert code(refusal.value) == "LeaseAlreadyPresent"
    other = str(uuid.uuid4())
    lease.change(other)
    lease.renew()
    lease.release()
    blob.delete_blob()


def test_an_infinite_lease_ends_by_being_broken(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"1")
    lease = blob.acquire_lease()
    assert blob.get_blob_properties().lease.duration == "infinite"
    assert lease.break_lease() == 0
    assert blob.get_blob_properties().lease.state == "broken"
    with pytest.raises(HttpResponseError) as refusal:
        lease.renew()
    assert code(refusal.value) == "LeaseIsBrokenAndCannotBeRenewed"
    blob.upload_blob(b"2", overwrite=True)
    assert blob.get_blob_properties().lease.state == "available"


def test_a_leased_container_is_deleted_only_with_the_lease(container: ContainerClient) -> None:
    lease = container.acquire_lease(60)
    with pytest.raises(HttpResponseError) as refusal:
        container.delete_container()
    assert code(refusal.value) == "LeaseIdMissing"
    container.upload_blob("b", b"1")  # blobs are not covered by it
    container.delete_container(lease=lease)


@pytest.mark.parametrize("tier", ["Hot", "Cool", "Cold", "Archive"])
def test_a_blob_is_put_into_a_tier(container: ContainerClient, tier: str) -> None:
    blob = container.upload_blob("b", b"1", standard_blob_tier=StandardBlobTier(tier))
    found = blob.get_blob_properties()
    assert (found.blob_tier, found.blob_tier_inferred) == (tier, None)
    (listed,) = container.list_blobs()
    assert listed.blob_tier == tier


def test_an_archived_blob_can_be_neither_read_nor_changed(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"1", standard_blob_tier=StandardBlobTier.ARCHIVE)
    for act in (
        lambda: blob.download_blob(),
        lambda: blob.set_blob_metadata({"a": "1"}),
        lambda: container.get_blob_client("c").start_copy_from_url(blob.url),
        lambda: container.get_blob_client("c").stage_block_from_url("a", blob.url),
    ):
        with pytest.raises(HttpResponseError) as refusal:
            act()
        assert (refusal.value.status_code, code(refusal.value)) == (409, "BlobArchived")
    assert blob.get_blob_properties().size == 1
    blob.upload_blob(b"new", overwrite=True)
    assert blob.download_blob().readall() == b"new"


def test_a_rehydration_is_accepted_and_pending(
    container: ContainerClient, account: Account
) -> None:
    blob = container.upload_blob("b", b"1", standard_blob_tier=StandardBlobTier.ARCHIVE)
    path, query = f"{container.container_name}/b", {"comp": "tier"}
    answer = account.raw("PUT", path, query=query, headers={"x-ms-access-tier": "Cool"})
    assert answer.status_code == 202
    found = blob.get_blob_properties()
    assert (found.blob_tier, found.archive_status) == ("Archive", "rehydrate-pending-to-cool")
    (listed,) = container.list_blobs()
    assert listed.archive_status == "rehydrate-pending-to-cool"
    with pytest.raises(HttpResponseError) as refusal:
        blob.set_standard_blob_tier("Hot")
    assert code(refusal.value) == "BlobBeingRehydrated"
    with pytest.raises(HttpResponseError) as refusal:
        blob.download_blob()
    assert code(refusal.value) == "BlobArchived"
