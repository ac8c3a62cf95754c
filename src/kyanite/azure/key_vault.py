"""The keys of one vault: looking them up, and sealing small secrets with them.

Sealing is RSA-OAEP with SHA-256, by the calls ``encrypt`` and ``decrypt``: those are the rights
that a service account has (docs/behaviour/accounts-and-users.md, section 3.2), by the role
"Key Vault Crypto User" or an access policy.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from kyanite.azure.addresses import https_host
from kyanite.azure.credentials import AzureLogin
from kyanite.azure.json_service import JsonService
from kyanite.base.errors import Rejected
from kyanite.base.json_types import JsonObject, as_object, as_text, as_texts, dig

_VERSION: Final = "7.6"
_ALGORITHM: Final = "RSA-OAEP-256"
MOST_BYTES: Final = 190
"""What fits into the smallest key that vaults make (2048 bits)."""


@dataclass(frozen=True)
class VaultKey:
    """A key, or one version of it."""

    id: str
    """The URL of the key; with the version for one version."""
    name: str
    version: str
    is_enabled: bool
    expires_at_seconds: int | None
    """Unix time, if it ends."""
    operations: tuple[str, ...] = ()
    """What it may be used for, such as ``encrypt``; lists do not tell."""

    @property
    def seals(self) -> bool:
        """Whether secrets can be sealed with it and opened again, now."""
        return self.is_enabled and {"encrypt", "decrypt"}.issubset(self.operations)


class KeyVaultKeys:
    """The keys of the vault at ``vault_uri``, seen by one identity. Thread-safe.

    Everything raises an ``AzureError``: ``Denied`` without the right, ``Gone`` for what is
    deleted.
    """

    def __init__(self, login: AzureLogin, vault_uri: str) -> None:
        self._uri = vault_uri.rstrip("/")
        self._service = JsonService(
            self._uri, login, login.cloud.key_vault_scope, query={"api-version": _VERSION}
        )

    def keys(self) -> Iterator[VaultKey]:
        """All keys, without versions."""
        return (_key(entry) for entry in self._service.list("/keys"))

    def versions(self, name: str) -> Iterator[VaultKey]:
        """All versions of a key."""
        return (_key(entry) for entry in self._service.list(f"/keys/{name}/versions"))

    def current(self, name: str) -> VaultKey:
        """The version that seals now."""
        return _key(self._service.get(f"/keys/{name}"))

    def seal(self, key_id: str, plain: bytes) -> tuple[str, bytes]:
        """Seal with a key, or a version of it; the version used, as a URL, and the result.

        Keep the URL: only that version opens it again.
        """
        if len(plain) > MOST_BYTES:
            raise Rejected(f"A key of a vault seals at most {MOST_BYTES} bytes.")
        return self._call(key_id, "encrypt", plain)

    def open(self, version_id: str, sealed: bytes) -> bytes:
        """What ``seal`` was given."""
        return self._call(version_id, "decrypt", sealed)[1]

    def _call(self, key_id: str, verb: str, value: bytes) -> tuple[str, bytes]:
        if https_host(key_id) != https_host(self._uri):
            raise Rejected(f"The key {key_id} is not one of the vault {self._uri}.")
        path = urlsplit(key_id).path.rstrip("/")
        body: JsonObject = {"alg": _ALGORITHM, "value": _text(value)}
        answer = self._service.post(f"{path}/{verb}", body, twice_is_once=True)
        return as_text(answer.get("kid")), _bytes(as_text(answer.get("value")))


def _key(entry: JsonObject) -> VaultKey:
    """An entry of a list (``kid``), or a whole key (``key.kid``)."""
    id_ = as_text(entry.get("kid")) or as_text(dig(entry, "key", "kid"))
    parts = [part for part in urlsplit(id_).path.split("/") if part]
    attributes = as_object(entry.get("attributes"))
    ends = attributes.get("exp")
    return VaultKey(
        id=id_,
        name=parts[1] if len(parts) > 1 else "",
        version=parts[2] if len(parts) > 2 else "",
        is_enabled=attributes.get("enabled") is not False,
        expires_at_seconds=ends if isinstance(ends, int) else None,
        operations=as_texts(dig(entry, "key", "key_ops")),
    )


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
