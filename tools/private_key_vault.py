"""A vault whose private key everybody may have: what stands in a slot, written from its document.

docs/format/keys.md, "What a key of Azure Key Vault makes of it".
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kyanite.base.errors import WrongKey

VERSION_ID: Final = "https://vault.example/keys/backups/0123456789abcdef"
_HEAD: Final = struct.pack("<8sH", b"kyn-azkv", len(VERSION_ID)) + VERSION_ID.encode()
_OAEP: Final = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class PrivateKeyVault:
    """Does what Azure Key Vault does with an RSA key that nobody sees."""

    def __init__(self, pem: str | None = None) -> None:
        """``pem``: an unencrypted private key; without it a new one is made."""
        if pem is None:
            self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return
        key = serialization.load_pem_private_key(pem.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key

    @property
    def pem(self) -> str:
        """The private key."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def wrap(self, key: bytes) -> bytes:
        sealed = self._key.public_key().encrypt(key, _OAEP)
        return _HEAD + sealed

    def unwrap(self, wrapped: bytes) -> bytes:
        if not wrapped.startswith(_HEAD):
            raise WrongKey("Another vault has wrapped this.")
        try:
            return self._key.decrypt(wrapped[len(_HEAD) :], _OAEP)
        except ValueError as error:
            raise WrongKey("Another key has wrapped this.") from error
