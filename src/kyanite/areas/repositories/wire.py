"""Repositories as the contract shows and takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request

from kyanite.areas.repositories.editing import RepositoryChange
from kyanite.areas.repositories.facts import RepositoryFacts
from kyanite.areas.repositories.metadata import SecuritySettings
from kyanite.areas.repositories.new_repository import NewRepository
from kyanite.areas.repositories.removal import RepositoryUses
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.repository import (
    RepositoryCreateFromClientWithKeyVault,
    RepositoryUpdateFromClientWithKeyVault,
)
from kyanite.http.links import links, self_link


def repository(
    request: Request, item: RepositoryFacts, region_names: Mapping[str, str]
) -> JsonObject:
    """``Repository``. The password is unknown here and never shown."""
    return {
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "azureStorageAccountId": item.storage_account_id,
        "azureStorageAccountName": item.storage_account_name,
        "azureStorageFolder": _storage_item(request, item, item.folder, in_container=True),
        "azureStorageContainer": _storage_item(request, item, item.container),
        "enableEncryption": item.is_encrypted,
        "hint": item.hint,
        "regionId": item.region,
        "regionName": region_names.get(item.region, item.region),
        "azureAccountId": item.account_id,
        "repositoryType": "Backup",
        "environment": item.environment,
        "status": item.status.value,
        "storageTier": item.tier,
        "isStorageTierInferred": item.tier_inferred,
        "immutabilityEnabled": item.immutability_enabled,
        "repositoryOwnership": {
            "hasAnotherOwner": item.has_another_owner,
            "currentOwnerIdentifier": item.owner_id,
            "currentOwnerName": item.owner_name,
        },
        "concurrencyLimit": item.concurrency_limit,
        "storageConsumptionLimit": None,
        "veeamVaultId": None,
        "_links": links(
            request,
            self=f"/repositories/{item.id}",
            storageAccount=f"/cloudInfrastructure/storageAccounts/{item.storage_account_id}",
            region=f"/cloudInfrastructure/regions/{item.region}",
            azureAccount=f"/accounts/azure/service/{item.account_id}",
        ),
    }


def deletability(
    request: Request, found: RepositoryUses, region_names: Mapping[str, str]
) -> JsonObject:
    """``RepositoryValidateDelete``: may be removed when all three lists are empty."""
    item = found.repository
    return {
        "repository": repository(request, item, region_names),
        "usedInPolicies": [
            {"id": use.id, "name": use.name, "policyType": use.policy_type, "_links": {}}
            for use in found.policies
        ],
        "usedInStorageTemplates": [],
        "additionalUsagesAndErrors": [
            {"code": use.code, "message": use.message} for use in found.others
        ],
        "_links": links(request, repository=f"/repositories/{item.id}"),
    }


COLUMNS: Final = (
    "id",
    "name",
    "description",
    "repositoryType",
    "status",
    "storageTier",
    "isStorageTierInferred",
    "enableEncryption",
    "hint",
    "immutabilityEnabled",
    "azureStorageAccountId",
    "azureStorageAccountName",
    "azureStorageContainer",
    "azureStorageFolder",
    "regionId",
    "regionName",
    "azureAccountId",
    "environment",
    "concurrencyLimit",
    "hasAnotherOwner",
    "currentOwnerIdentifier",
    "currentOwnerName",
)
"""Of the exported list."""


def columns(item: RepositoryFacts, region_names: Mapping[str, str]) -> Sequence[object]:
    """A line of the exported list."""
    return (
        item.id,
        item.name,
        item.description,
        "Backup",
        item.status.value,
        item.tier,
        item.tier_inferred,
        item.is_encrypted,
        item.hint,
        item.immutability_enabled,
        item.storage_account_id,
        item.storage_account_name,
        item.container,
        item.folder,
        item.region,
        region_names.get(item.region, item.region),
        item.account_id,
        item.environment,
        item.concurrency_limit,
        item.has_another_owner,
        item.owner_id,
        item.owner_name,
    )


def security_settings(found: SecuritySettings) -> JsonObject:
    """``RepositorySecuritySettingsData``."""
    mark, key = found.mark, found.mark.key if found.mark else None
    return {
        "repositoryExists": found.exists,
        "storageTier": mark.tier if mark else None,
        "isEncrypted": found.method != "None",
        "encryptionMethod": found.method,
        "hint": mark.hint if mark else None,
        "keyVaultId": key.vault_id if key else None,
        "keyName": key.name if key else None,
        "keyUri": key.uri if key else None,
        "keyVaultName": key.vault_name if key else None,
        "keyVersion": (key.version or None) if key else None,
        "immutability": found.immutability,
    }


def new_repository(body: RepositoryCreateFromClientWithKeyVault) -> NewRepository:
    """What was asked for; a missing tier means ``Inferred``."""
    return NewRepository(
        account_id=body.azure_account_id.lower(),
        storage_account_id=body.azure_storage_account_id.lower(),
        container=body.azure_storage_container,
        folder=body.azure_storage_folder,
        name=body.name.strip() if body.name and body.name.strip() else None,
        description=body.description,
        tier=body.storage_tier.value if body.storage_tier else "Inferred",
        concurrency_limit=body.concurrency_limit,
        import_existing=body.import_if_folder_has_backup is True,
        auto_create_tiers=body.auto_create_tiers is True,
        enable_encryption=body.enable_encryption is True,
        password=body.password or "",
        hint=body.hint,
        key_vault_id=body.key_vault_id,
        key_vault_key_uri=body.key_vault_key_uri,
        has_consumption_limit=body.storage_consumption_limit is not None,
    )


def change(body: RepositoryUpdateFromClientWithKeyVault) -> RepositoryChange:
    """The new settings. A client that does not send ``enableEncryption`` does not mean ``false``
    (docs/behaviour/repositories.md, section 10)."""
    return RepositoryChange(
        name=body.name.strip() if body.name and body.name.strip() else None,
        description=body.description,
        account_id=body.azure_account_id,
        concurrency_limit=body.concurrency_limit,
        enable_encryption=body.enable_encryption,
        hint=body.hint,
        keep_hint="hint" not in body.model_fields_set,
        password=body.password or "",
        key_vault_id=body.key_vault_id,
        key_vault_key_uri=body.key_vault_key_uri,
        has_consumption_limit=body.storage_consumption_limit is not None,
    )


def _storage_item(
    request: Request, item: RepositoryFacts, name: str, *, in_container: bool = False
) -> JsonObject:
    """``AzureStorageItem``: the container, or the folder in it. Containers with a retention for
    all their blobs are not taken, so both states are known."""
    containers = f"/cloudInfrastructure/storageAccounts/{item.storage_account_id}/containers"
    path = (
        f"{containers}/{item.container}/folders/{name}" if in_container else f"{containers}/{name}"
    )
    return {
        "name": name,
        "supportsVersioning": item.immutability_enabled,
        "ImmutabilityPolicyState": "NotPresent",
        "_links": self_link(request, path),
    }
