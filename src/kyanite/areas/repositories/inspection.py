"""What is in a folder before a repository is made there, and whether the account will do.

docs/behaviour/repositories.md, sections 2.1, 5 and 13. Only reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kyanite.areas.inventory import StorageItem, container_item
from kyanite.areas.repositories.mark import PREFIX as MARK_PREFIX
from kyanite.areas.repositories.mark import Mark, read_mark
from kyanite.areas.repositories.repositories import Place
from kyanite.azure.arm import ArmClient
from kyanite.azure.blob import accounts
from kyanite.base.errors import Denied, Invalid, NotFound
from kyanite.base.json_types import as_object, dig
from kyanite.engine.format import KEYS_PREFIX, REPOSITORY_NAME, RINGS_PREFIX
from kyanite.engine.storage.base import Storage
from kyanite.rules.immutability import Protection, protection_problem
from kyanite.rules.storage_accounts import BlobService, service_incompatibility


class FolderState(StrEnum):
    """What a folder holds."""

    NEW = "new"
    """Nothing, or the beginnings of a repository whose making was interrupted."""
    REPOSITORY = "repository"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Folder:
    """What was found; ``mark`` only beside a repository."""

    state: FolderState
    mark: Mark | None = None


def inspect_folder(storage: Storage) -> Folder:
    """Look into a folder. Raises ``StorageError``."""
    for found in storage.list(""):
        if found.name == REPOSITORY_NAME:
            return Folder(FolderState.REPOSITORY, read_mark(storage))
        if not found.name.startswith((KEYS_PREFIX, RINGS_PREFIX, MARK_PREFIX)):
            # Names are sorted; other objects of a repository may come before "repository".
            return _by_repository_object(storage)
    return Folder(FolderState.NEW)


def require_container(arm: ArmClient, at: Place) -> StorageItem:
    """The container of a place. Raises ``NotFound`` when there is none."""
    raw = accounts.find_container(arm, at.storage_account_azure_id, at.container)
    if raw is None:
        raise NotFound(f"There is no container {at.container} in the storage account.")
    return container_item(raw)


def require_suitable(arm: ArmClient, at: Place, container: StorageItem) -> bool:
    """Whether a repository in the container is immutable.

    Raises ``Invalid`` when settings of the account, its blob service or the container forbid
    one. Settings that may not be read are taken to be right: what they would break shows later,
    as removed backups that keep costing, not as lost data.
    """
    service = _blob_service(arm, at)
    if service is not None and (problem := service_incompatibility(service)):
        raise Invalid.member("azureStorageAccountId", problem)
    found = _protection(arm, at, container, service)
    if problem := protection_problem(found):
        member = "azureStorageAccountId" if found.account_default else "azureStorageContainer"
        raise Invalid.member(member, problem)
    return found.is_immutable


def immutability(arm: ArmClient, at: Place, container: StorageItem) -> str:
    """``ImmutabilityState`` of the contract: ``Unknown`` where no repository can be."""
    found = _protection(arm, at, container, _blob_service(arm, at))
    if protection_problem(found):
        return "Unknown"
    return "Immutable" if found.is_immutable else "Mutable"


def _blob_service(arm: ArmClient, at: Place) -> BlobService | None:
    try:
        raw = accounts.blob_service(arm, at.storage_account_azure_id)
    except Denied:
        return None
    settings = as_object(raw.get("properties"))
    return BlobService(
        versioning=settings.get("isVersioningEnabled") is True,
        blob_soft_delete=dig(settings, "deleteRetentionPolicy", "enabled") is True,
        container_soft_delete=dig(settings, "containerDeleteRetentionPolicy", "enabled") is True,
    )


def _protection(
    arm: ArmClient, at: Place, container: StorageItem, service: BlobService | None
) -> Protection:
    account = accounts.get_account(arm, at.storage_account_azure_id)
    versions = as_object(dig(account, "properties", "immutableStorageWithVersioning"))
    return Protection(
        keeps_versions=versions.get("enabled") is True
        or (service is not None and service.versioning),
        account_default=bool(as_object(versions.get("immutabilityPolicy"))),
        container_versions=container.supports_versioning is True,
        container_policy=container.immutability_policy,
        legal_hold=container.legal_hold,
    )


def _by_repository_object(storage: Storage) -> Folder:
    if any(found.name == REPOSITORY_NAME for found in storage.list(REPOSITORY_NAME)):
        return Folder(FolderState.REPOSITORY, read_mark(storage))
    return Folder(FolderState.FOREIGN)
