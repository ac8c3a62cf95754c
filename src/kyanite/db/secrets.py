"""Secrets at rest: sealed with AES-256-GCM under a master key that the database does not hold.

The master key is a file of its owner only, or comes from the environment. A sealed value names
the key it was sealed with and is bound to the row it belongs to, so that whoever can write the
database can neither read it nor move it to another row.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kyanite.base.errors import Damaged, WrongKey
from kyanite.base.private_files import require_private_file

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KEY_ID_BYTES: Final = 4
_VERSION: Final = b"\x01"
_HEADER_BYTES: Final = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES


class SecretBox:
    """Seals and opens secrets. Its ``repr`` shows no key."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise WrongKey(f"the master key of the appliance must have {KEY_BYTES} bytes")
        self._master_key = master_key
        self._cipher = AESGCM(master_key)
        self._key_id = hashlib.sha256(b"kyanite key id" + master_key).digest()[:_KEY_ID_BYTES]

    def seal(self, secret: bytes, *, row_id: str) -> bytes:
        """Seal ``secret`` for the row ``row_id``: version, key id, nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        header = _VERSION + self._key_id
        return header + nonce + self._cipher.encrypt(nonce, secret, header + row_id.encode())

    def open(self, sealed: bytes, *, row_id: str) -> bytes:
        """The secret that was sealed for ``row_id``.

        Raises `WrongKey` when another master key sealed it, `Damaged` when it was changed or
        belongs to another row.
        """
        if len(sealed) < _HEADER_BYTES or sealed[:1] != _VERSION:
            raise Damaged("a sealed secret in the database is not in a form this version knows")
        header = sealed[: 1 + _KEY_ID_BYTES]
        if header[1:] != self._key_id:
            raise WrongKey(
                "a secret in the database was sealed with another master key; "
                "put the appliance's own master key file back in its place"
            )
        nonce = sealed[len(header) : _HEADER_BYTES]
        try:
            return self._cipher.decrypt(nonce, sealed[_HEADER_BYTES:], header + row_id.encode())
        except InvalidTag:
            raise Damaged(
                "a sealed secret in the database was changed or moved to another row; "
                "enter it again"
            ) from None

    def derived_key(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF-SHA256); it tells nothing about the others."""
        derivation = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"kyanite " + purpose.encode())
        return derivation.derive(self._master_key)

    def seal_text(self, secret: str, *, row_id: str) -> bytes:
        """As `seal`, for text."""
        return self.seal(secret.encode(), row_id=row_id)

    def open_text(self, sealed: bytes, *, row_id: str) -> str:
        """As `open`, for text."""
        return self.open(sealed, row_id=row_id).decode()


def master_key_from_file(path: Path) -> bytes:
    """The key in ``path``; a fresh one is made there, durably, when the file does not exist.

    Two processes that start together agree on one key. Raises `Invalid` when other users may
    read it.
    """
    require_private_file(path)
    try:
        return _parse(path.read_text())
    except FileNotFoundError:
        pass
    scratch = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(base64.b64encode(os.urandom(KEY_BYTES)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(scratch, path)  # fails when the other process was first
    except FileExistsError:
        pass
    finally:
        scratch.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return _parse(path.read_text())


def master_key_from_text(text: str) -> bytes:
    """The key given as base64, for instance by the environment."""
    return _parse(text)


def _parse(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise WrongKey(
            f"the master key of the appliance is not {KEY_BYTES} bytes in base64; "
            "restore the file from a backup of the appliance"
        )
    return key
