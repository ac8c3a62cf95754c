"""Azure Blob under the suite that every storage passes; what only it has, besides."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobClient, ContainerClient

from engine.storage_suite import StorageSuite
from engine.versions_suite import VersionsSuite
from kyanite.azure.arm import ArmClient
from kyanite.azure.blob import delegation
from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.data_plane import TokenAccess
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import ObjectExists, StorageDenied
from kyanite.engine.storage.base import Storage, versions_of
from support.lab import Azure
from support.overrun import overrun
from support.shared_lab import arm_client, container_access, fresh_storage, shared_lab
from support.storage import immutable_container, made_account


@pytest.fixture(scope="module")
def azure() -> Azure:
    return shared_lab().azure


@pytest.fixture(scope="module")
def arm(azure: Azure) -> ArmClient:
    return arm_client(azure)


class TestBlobStorage(StorageSuite):
    @pytest.fixture
    def storage(self, arm: ArmClient, azure: Azure) -> Storage:
        return fresh_storage(arm, azure)


class TestBlobStorageWithToken(StorageSuite):
    @pytest.fixture
    def storage(self, arm: ArmClient, azure: Azure) -> Storage:
        access = TokenAccess(
            container_access(arm, azure).address,
            lambda: arm.login.token(arm.cloud.storage_scope),
            arm.login.forget,
        )
        return BlobStorage(access, f"test-{uuid.uuid4().hex}", ca_file=azure.ca)


@pytest.fixture(scope="module")
def container(azure: Azure) -> Iterator[ContainerClient]:
    """A container with immutable versions, opened with the key of its account."""
    with made_account(azure, versioning=True) as account:
        yield immutable_container(account)


class TestBlobStorageWithVersions(StorageSuite, VersionsSuite):
    @pytest.fixture
    def folder(self) -> str:
        return f"test-{uuid.uuid4().hex}"

    @pytest.fixture
    def versioned(
        self, arm: ArmClient, azure: Azure, container: ContainerClient, folder: str
    ) -> BlobStorage:
        access = TokenAccess(
            container.url, lambda: arm.login.token(arm.cloud.storage_scope), arm.login.forget
        )
        return BlobStorage(access, folder, ca_file=azure.ca)

    @pytest.fixture
    def storage(self, versioned: BlobStorage) -> Storage:
        return versioned

    @pytest.fixture
    def overwrite(self, container: ContainerClient, folder: str) -> Callable[[str, bytes], None]:
        def write_over(name: str, data: bytes) -> None:
            container.upload_blob(f"{folder}/{name}", data, overwrite=True)

        return write_over

    def test_after_everything_was_overwritten_and_deleted_it_restores_as_of_before(
        self, versioned: BlobStorage, overwrite: Callable[[str, bytes], None]
    ) -> None:
        overrun(versioned, overwrite)


def test_a_container_without_immutable_versions_keeps_none(arm: ArmClient, azure: Azure) -> None:
    assert versions_of(fresh_storage(arm, azure)) is None


def test_a_backup_credential_creates_and_reads_but_never_overwrites_nor_deletes(
    arm: ArmClient, azure: Azure
) -> None:
    folder = f"test-{uuid.uuid4().hex}"
    url = container_access(arm, azure, delegation.BACKUP_RIGHTS)
    storage = BlobStorage.signed(url, folder, ca_file=azure.ca)
    storage.put("packs/a", b"first")
    with pytest.raises(ObjectExists):
        storage.put("packs/a", b"second")
    with pytest.raises(StorageDenied):
        storage.delete("packs/a")
    assert storage.get("packs/a") == b"first"
    assert [info.name for info in storage.list("")] == ["packs/a"]


def test_a_restore_credential_only_reads(arm: ArmClient, azure: Azure) -> None:
    url = container_access(arm, azure, delegation.RESTORE_RIGHTS)
    storage = BlobStorage.signed(url, f"test-{uuid.uuid4().hex}", ca_file=azure.ca)
    with pytest.raises(StorageDenied):
        storage.put("packs/a", b"first")
    with pytest.raises(StorageDenied):
        storage.delete("packs/a")
    assert list(storage.list("")) == []


def test_an_expired_credential_is_renewed_in_the_middle_of_the_work(
    arm: ArmClient, azure: Azure
) -> None:
    good = container_access(arm, azure)
    past = datetime.now(UTC) - timedelta(hours=1)
    expired = SignedUrl(
        good.address,
        "&".join(
            f"se={past:%Y-%m-%dT%H%%3A%M%%3A%SZ}" if part.startswith("se=") else part
            for part in good.secret_query.split("&")
        ),
    )
    renewals: list[SignedUrl] = []

    def renew(stale: SignedUrl) -> SignedUrl:
        renewals.append(stale)
        return good

    storage = BlobStorage.signed(
        RenewableUrl(expired, renew), f"test-{uuid.uuid4().hex}", ca_file=azure.ca
    )
    storage.put("packs/a", b"content")
    assert storage.get("packs/a") == b"content"
    assert renewals == [expired]


def test_objects_are_put_into_the_tier_that_was_asked_for(arm: ArmClient, azure: Azure) -> None:
    folder = f"test-{uuid.uuid4().hex}"
    url = container_access(arm, azure)
    storage = BlobStorage.signed(url, folder, ca_file=azure.ca, tier="Cool")
    storage.put("packs/a", b"content")
    blob = BlobClient.from_blob_url(
        url.below(f"{folder}/packs/a").reveal(), connection_verify=azure.ca
    )
    assert blob.get_blob_properties().blob_tier == "Cool"
