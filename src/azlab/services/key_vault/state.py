"""Vaults and keys in the state.

Vault names are unique in the world, so a vault stands under its name (kind `vault`) besides being
an ARM resource. Keys belong to the name of their vault, and outlive its deletion until the purge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from azlab.core.clock import iso, moment_or_none
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    flag_at,
    object_at,
    objects_at,
    string_map_at,
    text_at,
    texts_at,
)
from azlab.core.state import Transaction

VAULT, DELETED_VAULT, KEY = "vault", "deletedVault", "vaultKey"


@dataclass(frozen=True)
class Version:
    """One version of a key."""

    id: str
    pem: bytes = field(repr=False)
    operations: tuple[str, ...]
    enabled: bool
    created: datetime
    updated: datetime
    starts: datetime | None = None
    ends: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Key:
    """A key of a vault; the last version is the current one."""

    vault: str
    name: str
    versions: tuple[Version, ...]
    deleted: datetime | None = None
    purge_at: datetime | None = None

    @property
    def current(self) -> Version:
        """The newest version."""
        return self.versions[-1]

    def version(self, version_id: str) -> Version | None:
        """A version by id; the current one for an empty id."""
        if not version_id:
            return self.current
        return next((one for one in self.versions if one.id == version_id.lower()), None)

    def with_version(self, changed: Version) -> Key:
        """The key with one version replaced."""
        versions = tuple(changed if one.id == changed.id else one for one in self.versions)
        return replace(self, versions=versions)


def put_vault(tx: Transaction, name: str, arm_id: str, url: str) -> None:
    """Say which ARM resource answers under a URL."""
    tx.put(VAULT, name.lower(), {"armId": arm_id, "url": url})


def vault_id(tx: Transaction, name: str) -> str | None:
    """The ARM id of the vault with this name."""
    found = tx.get(VAULT, name.lower())
    return None if found is None else text_at(found, "armId")


def vault_at(tx: Transaction, url: str) -> tuple[str, str] | None:
    """Name and ARM id of the vault that answers at a URL."""
    for name, document in tx.list(VAULT):
        if text_at(document, "url") == url:
            return name, text_at(document, "armId")
    return None


def forget_vault(tx: Transaction, name: str) -> None:
    """The vault answers no more."""
    tx.delete(VAULT, name.lower())


def put_key(tx: Transaction, key: Key) -> None:
    """Store a key."""
    versions: list[JsonValue] = [
        {
            "id": one.id,
            "pem": one.pem.decode(),
            "operations": list[JsonValue](one.operations),
            "enabled": one.enabled,
            "created": iso(one.created),
            "updated": iso(one.updated),
            "starts": iso(one.starts) if one.starts else "",
            "ends": iso(one.ends) if one.ends else "",
            "tags": dict[str, JsonValue](one.tags),
        }
        for one in key.versions
    ]
    document: JsonObject = {
        "vault": key.vault,
        "name": key.name,
        "versions": versions,
        "deleted": iso(key.deleted) if key.deleted else "",
        "purgeAt": iso(key.purge_at) if key.purge_at else "",
    }
    tx.put(KEY, _place(key.vault, key.name), document)


def remove_key(tx: Transaction, key: Key) -> None:
    """Forget a key for good."""
    tx.delete(KEY, _place(key.vault, key.name))


def find_key(tx: Transaction, vault: str, name: str, now: datetime) -> Key | None:
    """A key, deleted or not; None when its time in the bin is over too."""
    found = tx.get(KEY, _place(vault, name))
    key = _key(found) if found is not None else None
    return None if key is None or _is_over(key, now) else key


def keys(tx: Transaction, vault: str, now: datetime) -> list[Key]:
    """All keys of a vault by name, deleted or not."""
    found = [_key(document) for _, document in tx.list(KEY, f"{vault.lower()}/")]
    return [one for one in found if not _is_over(one, now)]


def remove_keys(tx: Transaction, vault: str) -> None:
    """The vault is purged: its keys are gone for good."""
    for place, _ in tx.list(KEY, f"{vault.lower()}/"):
        tx.delete(KEY, place)


def _is_over(key: Key, now: datetime) -> bool:
    return key.purge_at is not None and key.purge_at <= now


def _place(vault: str, name: str) -> str:
    return f"{vault.lower()}/{name.lower()}"


def _key(document: JsonObject) -> Key:
    return Key(
        text_at(document, "vault"),
        text_at(document, "name"),
        tuple(
            Version(
                text_at(one, "id"),
                text_at(one, "pem").encode(),
                tuple(texts_at(one, "operations")),
                flag_at(one, "enabled") is True,
                datetime.fromisoformat(text_at(one, "created")),
                datetime.fromisoformat(text_at(one, "updated")),
                moment_or_none(text_at(one, "starts")),
                moment_or_none(text_at(one, "ends")),
                string_map_at(one, "tags") if object_at(one, "tags") else {},
            )
            for one in objects_at(document, "versions")
        ),
        moment_or_none(text_at(document, "deleted")),
        moment_or_none(text_at(document, "purgeAt")),
    )
