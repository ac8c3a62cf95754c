"""A key of a vault as the engine uses it: it wraps the master keys of repositories.

What is stored names the version of the key, as only that one unwraps it again
(docs/format/keys.md, "What a key of Azure Key Vault makes of it").
"""

from __future__ import annotations

import re
import struct
from typing import Final

from kyanite.azure.key_vault import KeyVaultKeys
from kyanite.base.errors import Denied, Gone, Rejected, WrongKey

_MAGIC: Final = b"kyn-azkv"
_HEAD: Final = struct.Struct("<8sH")
_VERSION: Final = re.compile(
    rb"https://[0-9A-Za-z.:_-]+/keys/[0-9A-Za-z-]{1,127}/[0-9A-Za-z]{1,64}"
)


class VaultWrapping:
    """Wraps with one key of a vault: the engine's ``KeyVault``."""

    def __init__(self, keys: KeyVaultKeys, key_id: str) -> None:
        """``key_id``: the URL of the key, or of one version of it, to wrap with."""
        self._keys = keys
        self._key_id = key_id
        self.version_id = ""
        """The version that has wrapped or unwrapped last, as a URL."""

    def wrap(self, key: bytes) -> bytes:
        """``key``, sealed with the key of the vault. Raises ``AzureError``."""
        version_id, sealed = self._keys.seal(self._key_id, key)
        self.version_id = version_id
        name = version_id.encode()
        return _HEAD.pack(_MAGIC, len(name)) + name + sealed

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again.

        Raises ``WrongKey`` when the vault does not open it, whatever its reason: the slot may
        be anybody's. Other failures are ``AzureError``.
        """
        version_id, sealed = _parse(wrapped)
        try:
            key = self._keys.open(version_id, sealed)
        except (Denied, Gone, Rejected) as error:
            raise WrongKey(f"The key of the vault does not open the repository: {error}") from error
        self.version_id = version_id
        return key


def _parse(wrapped: bytes) -> tuple[str, bytes]:
    if len(wrapped) < _HEAD.size:
        raise _foreign()
    magic, length = _HEAD.unpack_from(wrapped)
    name, sealed = wrapped[_HEAD.size : _HEAD.size + length], wrapped[_HEAD.size + length :]
    if magic != _MAGIC or not _VERSION.fullmatch(name):
        raise _foreign()
    return name.decode("ascii"), sealed


def _foreign() -> WrongKey:
    return WrongKey("The slot was not wrapped by a key of Azure Key Vault.")
