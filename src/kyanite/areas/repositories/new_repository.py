"""A repository as it is asked for, and what can be said of it without asking anybody.

docs/behaviour/repositories.md, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from kyanite.areas.repositories.key_reference import KeyReference
from kyanite.base.errors import Invalid
from kyanite.rules.naming import (
    container_name_problem,
    derived_repository_name,
    folder_name_problem,
    repository_name_problem,
)
from kyanite.rules.storage_accounts import StorageAccountKind, tier_problem

AUTO_TIERS: Final = ("Hot", "Cool", "Archive")


@dataclass(frozen=True)
class NewRepository:
    """A repository as it was asked for."""

    account_id: str
    storage_account_id: str
    container: str
    folder: str
    name: str | None
    description: str | None
    tier: str
    concurrency_limit: int | None
    import_existing: bool
    auto_create_tiers: bool
    enable_encryption: bool
    password: str = field(default="", repr=False)
    hint: str | None = None
    key_vault_id: str | None = None
    key_vault_key_uri: str | None = None
    has_consumption_limit: bool = False

    key: KeyReference | None = None
    """What ``key_vault_id`` and ``key_vault_key_uri`` mean, once it is looked up."""

    @property
    def names_key(self) -> bool:
        """Whether it is to be opened with a key of a vault."""
        return bool(self.key_vault_id and self.key_vault_key_uri)

    @property
    def own_name(self) -> str:
        """The name given, or the one derived from container and folder."""
        return self.name or derived_repository_name(self.container, self.folder)


def check_members(new: NewRepository) -> None:
    """Raise ``Invalid`` for values that make no sense."""
    if new.name is not None and (problem := repository_name_problem(new.name)):
        raise Invalid.member("name", problem)
    if problem := folder_name_problem(new.folder):
        raise Invalid.member("azureStorageFolder", problem)
    if problem := container_name_problem(new.container):
        raise Invalid.member("azureStorageContainer", problem)
    if new.has_consumption_limit:
        raise Invalid.member(
            "storageConsumptionLimit", "Only storage vaults have a consumption limit."
        )
    if not new.enable_encryption:
        return
    check_opener(new.password, new.key_vault_id, new.key_vault_key_uri)
    if not new.password and not new.names_key:
        raise Invalid.member(
            "password", "A password or a Key Vault key is required when encryption is enabled."
        )


def check_opener(password: str, key_vault_id: str | None, key_uri: str | None) -> None:
    """Raise ``Invalid`` for both a password and a key, and for half of a key."""
    if password and (key_vault_id or key_uri):
        raise Invalid.member("password", "Give either a password or a Key Vault key, not both.")
    if key_uri and not key_vault_id:
        raise Invalid.member("keyVaultId", "Name the key vault of the key.")
    if key_vault_id and not key_uri:
        raise Invalid.member("keyVaultKeyUri", "Name a key of the key vault.")


def plans_for(new: NewRepository, storage: StorageAccountKind) -> list[NewRepository]:
    """One repository, or one for each tier (section 2, point 3). Raises ``Invalid``."""
    if not new.auto_create_tiers:
        return [new]
    name = new.own_name
    plans = [
        replace(
            new,
            name=f"{name} ({tier})",
            folder=f"{new.folder}-{tier.lower()}",
            tier=tier,
            import_existing=False,
        )
        for tier in AUTO_TIERS
    ]
    for plan in plans:
        if problem := tier_problem(storage, plan.tier):
            raise Invalid.member("autoCreateTiers", problem)
        check_members(plan)
    return plans
