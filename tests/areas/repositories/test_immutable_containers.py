"""Repositories where versions of blobs are locked, and containers where there can be none.

docs/behaviour/repositories.md, section 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.core import MatchConditions
from azure.mgmt.storage.models import BlobContainer, ImmutabilityPolicy, LegalHold

from kyanite.base.errors import Locked, WrongKey
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import as_object, as_text
from kyanite.engine.repository import Repository as EngineRepository
from support.azure_parts import AzureParts
from support.lab import Azure
from support.repository_parts import REPOSITORIES, RepositoryParts, back_up_a_little, folder_of
from support.storage import Account, immutable_container, made_account, storage_client

METADATA = f"{REPOSITORIES}/settings/getMetadata"


@pytest.fixture(scope="module")
def account(azure: Azure) -> Iterator[Account]:
    """A storage account that keeps versions."""
    with made_account(azure, versioning=True) as made:
        yield made


def storage_id(parts: AzureParts, account: Account) -> str:
    parts.get("/cloudInfrastructure/storageAccounts", name=account.name, sync="true")
    return RepositoryParts.storage_id(parts, account.name)  # type: ignore[arg-type]


def place(parts: RepositoryParts, account: Account, container: str) -> dict[str, object]:
    return {
        "azureStorageAccountId": storage_id(parts, account),
        "azureStorageContainer": container,
    }


def test_a_container_with_version_level_immutability_makes_the_repository_immutable(
    lasting_parts: RepositoryParts, account: Account
) -> None:
    parts = lasting_parts
    where = place(parts, account, immutable_container(account).container_name)
    assert parts.call("POST", METADATA, parts.wanted(**where)).json()["immutability"] == "Immutable"
    repository = parts.create(**where)
    assert repository["immutabilityEnabled"] is True
    container = as_object(repository["azureStorageContainer"])
    assert container["supportsVersioning"] is True
    assert container["ImmutabilityPolicyState"] == "NotPresent"
    page = parts.get(REPOSITORIES, ImmutabilityEnabled="true")
    assert as_text(repository["id"]) in str(page["results"])

    engine = parts.repositories.open_for_writing(as_text(repository["id"]))
    session_id, until = new_id(), datetime.now(UTC) + timedelta(days=20)
    back_up_a_little(engine, session_id, until)
    report = engine.lock()
    (lock,) = report.points
    assert lock.protected_until is not None
    assert lock.protected_until >= until
    with pytest.raises(Locked):
        engine.delete_points([session_id])

    # The slot of the old password is locked too: new keys make it worth nothing.
    path = f"{REPOSITORIES}/{repository['id']}"
    before = engine.master_key
    parts.succeeded(parts.call("PUT", path, {"password": "new horse"}))
    storage = parts.storage_of(repository)
    with pytest.raises(WrongKey):
        EngineRepository.open(storage, "correct horse")
    again = parts.repositories.open(as_text(repository["id"]))
    assert again.master_key != before
    assert again.read_point(session_id).recipe == b"{}"
    parts.succeeded(parts.call("DELETE", path))
    other = {"azureStorageFolder": folder_of(repository), "importIfFolderHasBackup": True}
    found = parts.create(**where, **other, password="new horse")
    assert found["immutabilityEnabled"] is True


def test_versions_without_immutable_containers_and_retentions_for_all_blobs_are_refused(
    lasting_parts: RepositoryParts, account: Account
) -> None:
    parts = lasting_parts
    containers = storage_client(account.azure, account.subscription_id).blob_containers
    containers.create(account.group, account.name, "plain", BlobContainer())
    kept = immutable_container(account).container_name
    containers.create_or_update_immutability_policy(
        account.group,
        account.name,
        kept,
        ImmutabilityPolicy({"properties": {"immutabilityPeriodSinceCreationInDays": 1}}),
    )
    for container, word in (("plain", "costing"), (kept, "time-based")):
        wanted = parts.wanted(**place(parts, account, container))
        answer = parts.call("POST", REPOSITORIES, wanted)
        assert answer.status_code == 400, (container, answer.text)
        assert word in answer.json()["errors"]["azureStorageContainer"][0]
        assert parts.call("POST", METADATA, wanted).json()["immutability"] == "Unknown"
    policy = containers.get_immutability_policy(account.group, account.name, kept)
    containers.delete_immutability_policy(
        account.group,
        account.name,
        kept,
        etag=policy.etag or "",
        match_condition=MatchConditions.IfNotModified,
    )


def test_a_container_under_a_legal_hold_is_refused(lasting_parts: RepositoryParts) -> None:
    parts, hold = lasting_parts, LegalHold({"tags": ["case1"]})
    with made_account(parts.azure) as made:
        containers = storage_client(made.azure, made.subscription_id).blob_containers
        containers.create(made.group, made.name, "held", BlobContainer())
        containers.set_legal_hold(made.group, made.name, "held", hold)
        answer = parts.call("POST", REPOSITORIES, parts.wanted(**place(parts, made, "held")))
        assert answer.status_code == 400, answer.text
        assert "legal hold" in answer.json()["errors"]["azureStorageContainer"][0]
        containers.clear_legal_hold(made.group, made.name, "held", hold)


def test_an_account_that_keeps_every_new_blob_is_refused(lasting_parts: RepositoryParts) -> None:
    parts = lasting_parts
    policy = {"immutabilityPeriodSinceCreationInDays": 1, "state": "Unlocked"}
    settings = {"immutableStorageWithVersioning": {"enabled": True, "immutabilityPolicy": policy}}
    with made_account(parts.azure, properties=settings) as made:
        storage_client(made.azure, made.subscription_id).blob_containers.create(
            made.group, made.name, "kept", BlobContainer()
        )
        answer = parts.call("POST", REPOSITORIES, parts.wanted(**place(parts, made, "kept")))
        assert answer.status_code == 400, answer.text
        assert "azureStorageAccountId" in answer.json()["errors"]
