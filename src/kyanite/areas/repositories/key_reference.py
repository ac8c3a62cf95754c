"""The key of a vault that a repository is encrypted with."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from kyanite.areas.accounts import ServiceAccount
from kyanite.areas.inventory import Kind, get_resource
from kyanite.azure.addresses import https_host
from kyanite.base.errors import Invalid, Rejected
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, as_object, as_text

VAULT_USED_KIND = Kind.KEY_VAULT.value
"""The kind under which vaults stand in the table of uses."""


@dataclass(frozen=True)
class KeyReference:
    """Which key wraps the repository's own. Nothing of it is secret."""

    vault_azure_id: str
    vault_name: str
    uri: str
    """Of the key to wrap with, as it was chosen: with or without a version."""
    version: str = ""
    """The version that wrapped; only that one unwraps."""

    @property
    def vault_id(self) -> str:
        """The system id of the vault."""
        return system_id(self.vault_azure_id)

    @property
    def vault_uri(self) -> str:
        """The address of the vault."""
        return f"https://{https_host(self.uri)}"

    @property
    def name(self) -> str:
        """The name of the key."""
        return _parts(self.uri)[0]

    def to_json(self) -> JsonObject:
        """For the mark, and for the order of a job."""
        return {
            "vaultId": self.vault_azure_id,
            "vaultName": self.vault_name,
            "uri": self.uri,
            "version": self.version,
        }

    @classmethod
    def from_json(cls, document: JsonObject) -> KeyReference | None:
        """What ``to_json`` wrote; ``None`` when it names no key."""
        uri = as_text(document.get("uri"))
        if not uri:
            return None
        return cls(
            as_text(document.get("vaultId")),
            as_text(document.get("vaultName")),
            uri,
            as_text(document.get("version")),
        )


def version_of(key_url: str) -> str:
    """The version that the URL of a key names; empty when it names none."""
    return _parts(key_url)[1]


def chosen_key(db: Session, vault_id: str, key_uri: str, account: ServiceAccount) -> KeyReference:
    """The key that a request names, as far as the inventory can tell.

    Raises ``NotFound`` for an unknown vault; ``Invalid`` when the vault is in another tenant
    than the account, or the key is not one of the vault.
    """
    row = get_resource(db, Kind.KEY_VAULT, vault_id)
    facts = as_object(row.facts)
    if as_text(facts.get("tenantId")) not in ("", account.tenant_id):
        raise Invalid.member(
            "keyVaultId",
            f"The key vault {row.name} is in another tenant than the account {account.name}.",
        )
    problem = Invalid.member(
        "keyVaultKeyUri", f"{key_uri[:200]} is not the URI of a key in the vault {row.name}."
    )
    try:
        if https_host(key_uri) != https_host(as_text(facts.get("uri"))):
            raise problem
    except Rejected:
        raise problem from None
    if not _parts(key_uri)[0] or "?" in key_uri or "#" in key_uri:
        raise problem
    return KeyReference(row.azure_id, row.name, key_uri.rstrip("/"))


def _parts(key_url: str) -> tuple[str, str]:
    """Name and version; empty for what is no URL of a key."""
    parts = urlsplit(key_url).path.strip("/").split("/")
    allowed = all(part.replace("-", "").isalnum() and part.isascii() for part in parts)
    if not allowed or parts[0] != "keys" or not 2 <= len(parts) <= 3:
        return "", ""
    return parts[1], parts[2] if len(parts) == 3 else ""
