"""Containers and folders of a storage account, read from Azure at the time of the question.

Folders are those that hold a repository: other folders of a container are nobody's business
here (docs/behaviour/repositories.md, section 13).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from kyanite.areas.accounts import AzureAccess
from kyanite.azure.arm import ArmClient
from kyanite.azure.blob import accounts
from kyanite.azure.blob.client import ContainerClient, open_container
from kyanite.azure.blob.delegation import RESTORE_RIGHTS, container_access
from kyanite.azure.data_plane import SignedAccess
from kyanite.azure.signed_urls import RenewableUrl
from kyanite.base.errors import Conflict, Gone, NotFound
from kyanite.base.json_types import JsonObject, as_object, as_text, dig
from kyanite.engine.format import REPOSITORY_MAGIC, REPOSITORY_NAME
from kyanite.rules.naming import container_name_problem, folder_name_problem

_ACCESS_SECONDS: Final = 900
_PARALLEL_READS: Final = 8


@dataclass(frozen=True)
class StorageItem:
    """A container, or a folder that holds a repository."""

    name: str
    supports_versioning: bool | None
    """Whether the container has version-level immutability; ``None`` when it is not known."""
    immutability_policy: str
    """``ContainerImmutabilityPolicyState``."""
    legal_hold: bool = False


def container_item(raw: JsonObject) -> StorageItem:
    """A container as the Resource Manager describes it."""
    properties = as_object(raw.get("properties"))
    policy = as_object(dig(properties, "immutabilityPolicy", "properties"))
    state = {"locked": "Locked", "unlocked": "Unlocked"}.get(
        as_text(policy.get("state")).lower(), "NotPresent"
    )
    return StorageItem(
        name=as_text(raw.get("name")),
        supports_versioning=dig(properties, "immutableStorageWithVersioning", "enabled") is True,
        immutability_policy=state,
        legal_hold=properties.get("hasLegalHold") is True,
    )


class LiveStorage:
    """Looks into storage accounts with the rights of a service account.

    Everything raises ``NotFound`` for an unknown service account, and ``AzureError``.
    """

    def __init__(self, access: AzureAccess) -> None:
        self._access = access

    def containers(
        self, account_id: str, storage_azure_id: str, text: str | None = None
    ) -> list[StorageItem]:
        """The containers of a storage account by name; ``text`` is part of the name."""
        arm = self._access.arm_client(account_id)
        wanted = (text or "").lower()
        try:
            found = [container_item(raw) for raw in accounts.containers(arm, storage_azure_id)]
        except Gone as error:
            raise NotFound("The storage account does not exist in Azure any more.") from error
        return sorted((c for c in found if wanted in c.name.lower()), key=lambda c: c.name)

    def container(self, account_id: str, storage_azure_id: str, name: str) -> StorageItem:
        """One container. Raises ``NotFound`` as well when there is none of that name."""
        _require_possible(name)
        arm = self._access.arm_client(account_id)
        return container_item(_container(arm, storage_azure_id, name))

    def create_container(self, account_id: str, storage_azure_id: str, name: str) -> StorageItem:
        """A new container. Raises ``Conflict`` when there is one of that name.

        Single versions in it can be locked if the account keeps versions of its blobs.
        """
        arm = self._access.arm_client(account_id)
        try:
            if accounts.find_container(arm, storage_azure_id, name) is not None:
                raise Conflict(f"There is a container {name} in the storage account.")
            service = accounts.blob_service(arm, storage_azure_id)
            versions = dig(service, "properties", "isVersioningEnabled") is True
            return container_item(
                accounts.create_container(arm, storage_azure_id, name, immutable_versions=versions)
            )
        except Gone as error:
            raise NotFound("The storage account does not exist in Azure any more.") from error

    def folders(
        self, account_id: str, storage_azure_id: str, container: str, text: str | None = None
    ) -> list[StorageItem]:
        """The folders of a container that hold a repository, by name."""
        _require_possible(container)
        arm = self._access.arm_client(account_id)
        parent = container_item(_container(arm, storage_azure_id, container))
        client = _open(arm, storage_azure_id, container)
        wanted = (text or "").lower()
        names = [name for name in _folder_names(client) if wanted in name.lower()]
        with ThreadPoolExecutor(_PARALLEL_READS, "folders") as pool:
            held = list(pool.map(lambda name: holds_repository(client, name), names))
        return [_folder(name, parent) for name, holds in zip(names, held, strict=True) if holds]

    def folder(
        self, account_id: str, storage_azure_id: str, container: str, name: str
    ) -> StorageItem:
        """One folder that holds a repository. Raises ``NotFound`` as well when it holds none."""
        _require_possible(container, name)
        arm = self._access.arm_client(account_id)
        parent = container_item(_container(arm, storage_azure_id, container))
        client = _open(arm, storage_azure_id, container)
        if not holds_repository(client, name):
            raise NotFound(f"There is no repository in a folder {name} of {container}.")
        return _folder(name, parent)


def holds_repository(client: ContainerClient, folder: str) -> bool:
    """Whether the folder holds a repository. Raises ``AzureError`` when it cannot be read."""
    try:
        start = client.get(f"{folder}/{REPOSITORY_NAME}", 0, len(REPOSITORY_MAGIC))
    except Gone:
        return False
    return start == REPOSITORY_MAGIC


def _require_possible(container: str, folder: str | None = None) -> None:
    """Raise ``NotFound`` for names that nothing can have: they would become part of a path."""
    if container_name_problem(container):
        raise _no_container(container)
    if folder is not None and folder_name_problem(folder):
        raise NotFound(f"There is no repository in a folder {folder} of {container}.")


def _no_container(name: str) -> NotFound:
    return NotFound(f"There is no container {name} in the storage account.")


def _container(arm: ArmClient, storage_azure_id: str, name: str) -> JsonObject:
    found = accounts.find_container(arm, storage_azure_id, name)
    if found is None:
        raise _no_container(name)
    return found


def _open(arm: ArmClient, storage_azure_id: str, container: str) -> ContainerClient:
    access = container_access(arm, storage_azure_id, container, RESTORE_RIGHTS, _ACCESS_SECONDS)
    return open_container(SignedAccess(RenewableUrl(access)), arm.cloud.ca_file, arm.check)


def _folder_names(client: ContainerClient) -> Iterable[str]:
    return [prefix.rstrip("/") for page in client.list(delimiter="/") for prefix in page.prefixes]


def _folder(name: str, parent: StorageItem) -> StorageItem:
    return StorageItem(name, parent.supports_versioning, parent.immutability_policy)
