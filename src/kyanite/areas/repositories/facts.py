"""What a repository is for those who use one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import Row

from kyanite.areas.repositories.key_reference import KeyReference
from kyanite.areas.repositories.tables import RepositoryRow

USED_KIND: Final = "repository"
"""The kind under which repositories stand in the table of uses."""

SESSION_USER_KIND: Final = "session"
"""Sessions that are at work in a repository stand under this kind in the table of uses."""


class Status(StrEnum):
    """``RepositoryStatus`` of the contract, as far as it is ever stored."""

    CREATING = "Creating"
    IMPORTING = "Importing"
    READY = "Ready"
    FAILED = "Failed"


@dataclass(frozen=True)
class RepositoryFacts:
    """A registered repository, without its keys."""

    id: str
    name: str
    description: str | None
    account_id: str
    tenant_id: str
    environment: str
    storage_account_id: str
    """System id of the storage account."""
    storage_account_azure_id: str
    storage_account_name: str
    container: str
    folder: str
    region: str
    status: Status
    tier: str
    tier_inferred: bool
    is_encrypted: bool
    hint: str | None
    immutability_enabled: bool
    concurrency_limit: int | None
    """How many may write at the same time within a session; ``None``: no limit."""
    owner_id: str | None
    """Another appliance that owns the folder; ``None`` when it is this one."""
    owner_name: str | None
    key: KeyReference | None = None
    """The key of a vault it is encrypted with; ``None``: by a password, or not at all."""
    key_gone_since: datetime | None = None
    """When that key was first found deleted."""

    @property
    def encryption_method(self) -> str:
        """``RepositoryEncryptionMethod`` of the contract."""
        if not self.is_encrypted:
            return "None"
        return "KeyVault" if self.key is not None else "Password"

    @property
    def is_archive(self) -> bool:
        """Whether it takes archived backups only."""
        return self.tier == "Archive"

    @property
    def has_another_owner(self) -> bool:
        """Whether this appliance may only read."""
        return self.owner_id is not None

    @property
    def object_tier(self) -> str:
        """The access tier to ask for when an object is written; empty: the account's own.

        Archive stays empty here: structure must be readable at once, and only data that an
        archive session moves goes offline.
        """
        return "" if self.tier_inferred or self.is_archive else self.tier


AnyRow: TypeAlias = RepositoryRow | Row[*tuple[Any, ...]]


def from_row(row: AnyRow) -> RepositoryFacts:
    """The value of a row, as an object or as it was read."""
    return RepositoryFacts(
        id=row.id,
        name=row.name,
        description=row.description,
        account_id=row.account_id,
        tenant_id=row.tenant_id,
        environment=row.environment,
        storage_account_id=row.storage_account_id,
        storage_account_azure_id=row.storage_account_azure_id,
        storage_account_name=row.storage_account_name,
        container=row.container,
        folder=row.folder,
        region=row.region,
        status=Status(row.status),
        tier=row.tier,
        tier_inferred=row.tier_inferred,
        is_encrypted=row.is_encrypted,
        hint=row.hint,
        immutability_enabled=row.immutability_enabled,
        concurrency_limit=row.concurrency_limit,
        owner_id=row.owner_id,
        owner_name=row.owner_name,
        key=_key(row),
        key_gone_since=row.key_gone_since,
    )


def _key(row: AnyRow) -> KeyReference | None:
    if row.key_uri is None:
        return None
    return KeyReference(
        row.key_vault_azure_id or "",
        row.key_vault_name or "",
        row.key_uri,
        row.key_version or "",
    )


def enter_key(row: RepositoryRow, key: KeyReference | None) -> None:
    """Enter the key of a vault that the repository is encrypted with from now on."""
    row.key_vault_azure_id = key.vault_azure_id if key else None
    row.key_vault_name = key.vault_name if key else None
    row.key_uri = key.uri if key else None
    row.key_version = key.version if key else None
    row.key_gone_since = None


def location_key(storage_account_id: str, container: str, folder: str) -> str:
    """What may be registered once: blob names tell upper from lower case, containers have none."""
    return f"{storage_account_id.lower()}/{container.lower()}/{folder}"


def exclusive_key(repository_id: str) -> str:
    """The key under which at most one session creates, edits or removes the repository."""
    return f"repository/{repository_id}"
