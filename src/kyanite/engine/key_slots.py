"""Key slots: the master key, wrapped for one password (docs/format/keys.md, "Key slots")."""

from __future__ import annotations

import hmac
import os
import struct
import unicodedata
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Invalid, UnknownFormat
from kyanite.engine.format import FORMAT_VERSION, SLOT_MAGIC, Purpose, check_version, ensure, nonce
from kyanite.engine.keys import derive

_PASSWORD_KIND: Final = 1
_HEAD: Final = struct.Struct("<8sHHIII16s16s32s")
SLOT_BYTES: Final = _HEAD.size + 32 + 48

# 64 MiB and two passes: about 70 ms on one core of 2025, and expensive to guess in parallel.
_MEMORY_KIB: Final = 64 * 1024
_PASSES: Final = 2
_LANES: Final = 2

# What a reader accepts: a hostile slot must not make it use all memory or hours of time.
_MEMORY_BOUNDS_KIB: Final = (8 * 1024, 256 * 1024)
_MOST_PASSES: Final = 16
_MOST_LANES: Final = 16
MAX_SLOTS: Final = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """How expensive a guess of the password is."""

    memory_kib: int = _MEMORY_KIB
    passes: int = _PASSES
    lanes: int = _LANES


def make_slot(
    password: str, master_key: bytes, repository_id: bytes, cost: Cost | None = None
) -> tuple[bytes, bytes]:
    """A new slot: its id (16 random bytes) and its bytes."""
    if not password:
        raise Invalid.member("password", "A repository needs a password that is not empty.")
    cost = cost or Cost()
    slot_id, salt = os.urandom(16), os.urandom(32)
    head = _HEAD.pack(
        SLOT_MAGIC,
        FORMAT_VERSION,
        _PASSWORD_KIND,
        cost.memory_kib,
        cost.passes,
        cost.lanes,
        repository_id,
        slot_id,
        salt,
    )
    wrapping_key, commitment = _stretch(password, salt, slot_id, cost)
    sealed = AESGCM(wrapping_key).encrypt(nonce(Purpose.MASTER_KEY), master_key, head)
    return slot_id, head + commitment + sealed


def slot_owner(slot: bytes) -> bytes | None:
    """The repository a slot says it belongs to; ``None`` for what is no slot.

    An interrupted ``init`` may leave a slot of a repository that never came to be.
    """
    if len(slot) != SLOT_BYTES or not slot.startswith(SLOT_MAGIC):
        return None
    return bytes(_HEAD.unpack_from(slot)[6])


def open_slot(slot: bytes, password: str, repository_id: bytes) -> bytes | None:
    """The master key, or ``None`` if the slot is not of this password.

    Raises ``Damaged`` or ``UnknownFormat`` for a slot that is none.
    """
    ensure(len(slot) == SLOT_BYTES and slot.startswith(SLOT_MAGIC), "A key slot is damaged.")
    head = slot[: _HEAD.size]
    _, version, kind, memory_kib, passes, lanes, owner, slot_id, salt = _HEAD.unpack(head)
    check_version(version, "A key slot")
    if kind != _PASSWORD_KIND:
        raise UnknownFormat(f"A key slot is of kind {kind}, which this program does not know.")
    ensure(owner == repository_id, "A key slot belongs to another repository.")
    low, high = _MEMORY_BOUNDS_KIB
    ensure(
        low <= memory_kib <= high and 1 <= passes <= _MOST_PASSES and 1 <= lanes <= _MOST_LANES,
        "A key slot asks for unreasonable work; it was not written by this program.",
    )
    wrapping_key, commitment = _stretch(password, salt, slot_id, Cost(memory_kib, passes, lanes))
    if not hmac.compare_digest(commitment, slot[_HEAD.size : _HEAD.size + 32]):
        return None
    try:
        sealed = slot[_HEAD.size + 32 :]
        return AESGCM(wrapping_key).decrypt(nonce(Purpose.MASTER_KEY), sealed, head)
    except InvalidTag:
        ensure(False, "A key slot is damaged: the password is right, but the key does not open.")
        raise


def _stretch(password: str, salt: bytes, slot_id: bytes, cost: Cost) -> tuple[bytes, bytes]:
    """Wrapping key and key commitment."""
    from argon2.low_level import Type, hash_secret_raw  # 20 ms, and not every command needs it

    secret = hash_secret_raw(
        unicodedata.normalize("NFC", password).encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=64,
        type=Type.ID,
    )
    return secret[:32], derive(secret[32:], "slot commitment", slot_id)
