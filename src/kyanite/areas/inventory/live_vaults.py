"""The keys of a vault, read at the time of the question
(docs/behaviour/repositories.md, section 14)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess, get_account
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.plain_queries import get_resource
from kyanite.areas.inventory.queries import accounts_seeing
from kyanite.azure.key_vault import VaultKey
from kyanite.base.errors import Gone, Invalid, NotFound
from kyanite.base.json_types import as_object, as_text

_PARALLEL_READS: Final = 8


@dataclass(frozen=True)
class SeenVault:
    """A vault, and the account to look into it with."""

    name: str
    uri: str
    account_id: str


class LiveVaults:
    """Looks into key vaults with the rights of a service account."""

    def __init__(self, access: AzureAccess) -> None:
        self._access = access

    def vault(self, db: Session, vault_id: str, account_id: str | None) -> SeenVault:
        """The vault as the account, or any account, sees it.

        Raises ``NotFound`` for an unknown vault or account; ``Invalid`` when the vault belongs to
        another tenant than the account.
        """
        row = get_resource(db, Kind.KEY_VAULT, vault_id)
        facts = as_object(row.facts)
        if account_id is None:
            seeing = accounts_seeing(db, Kind.KEY_VAULT, row.id)
            if not seeing:
                raise NotFound(f"No service account sees the key vault {row.name}.")
            account_id = seeing[0]
        account = get_account(db, account_id)
        if as_text(facts.get("tenantId")) not in ("", account.tenant_id):
            raise Invalid.member(
                "ServiceAccountId",
                f"The key vault {row.name} is in another tenant than the account {account.name}.",
            )
        return SeenVault(row.name, as_text(facts.get("uri")), account.id)

    def keys(self, vault: SeenVault, text: str | None = None) -> list[VaultKey]:
        """The keys that can seal something, in their current version, by name.

        ``text`` is part of the name. Raises ``AzureError``.
        """
        client = self._access.vault_keys(vault.account_id, vault.uri)
        part = (text or "").lower()
        listed = client.keys()
        names = [key.name for key in listed if key.is_enabled and part in key.name.lower()]

        def current(name: str) -> VaultKey | None:
            try:
                return client.current(name)
            except Gone:  # deleted since it was listed
                return None

        with ThreadPoolExecutor(_PARALLEL_READS, "vault-keys") as pool:
            found = [key for key in pool.map(current, names) if key is not None and key.seals]
        return sorted(found, key=lambda key: key.name.lower())
