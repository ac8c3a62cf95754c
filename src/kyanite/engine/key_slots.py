"""Key slots: the master key, wrapped for somebody (docs/format/keys.md, "Key slots").

A password is stretched, a recovery key is random and needs no stretching, a vault wraps
with a key of its own that never leaves it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, Protocol

from kyanite.base.errors import Damaged, Invalid
from kyanite.engine.format import (
    FORMAT_VERSION,
    KEY_BYTES,
    SLOT_MAGIC,
    TAG_BYTES,
    Purpose,
    ensure,
    nonce,
)
from kyanite.engine.keys import derive
from kyanite.engine.password_stretching import Cost, stretch
from kyanite.engine.printable_key import RECOVERY_PREFIX, looks_printed, print_key, read_key
from kyanite.engine.randomness import draw
from kyanite.engine.small_seals import same, seal, unseal

_HEAD: Final = struct.Struct("<8sHHIIII16s16s16s32s")
_NOTE: Final = struct.Struct("<QB87s")
_COMMITMENT_BYTES: Final = 32
_NOTE_BYTES: Final = _NOTE.size + TAG_BYTES
_WRAPPED_AT: Final = _HEAD.size + _COMMITMENT_BYTES + _NOTE_BYTES
_SEALED_KEY_BYTES: Final = KEY_BYTES + TAG_BYTES
_MOST_WRAPPED_BYTES: Final = 4096
MAX_SLOT_BYTES: Final = _WRAPPED_AT + _MOST_WRAPPED_BYTES
MAX_SLOTS: Final = 64


class SlotKind(IntEnum):
    """For whom the master key is wrapped."""

    PASSWORD = 1
    RECOVERY = 2
    VAULT = 3


_NO_COST: Final = Cost(0, 0, 0)


class KeyVault(Protocol):
    """Wraps a key with one that stays in the vault, as a Key Vault key does."""

    def wrap(self, key: bytes) -> bytes:
        """``key``, wrapped: at most 4 KiB. May name the version of the wrapping key."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again. Raises ``WrongKey`` if it was not wrapped here."""
        ...


@dataclass(frozen=True, slots=True)
class SlotNote:
    """What holders of the master key see of a slot: whose it is, and since when."""

    label: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot, parsed; nothing of it is authenticated until it opens."""

    kind: int
    cost: Cost
    epoch: int
    slot_id: bytes
    ring_id: bytes
    salt: bytes
    data: bytes

    @property
    def head(self) -> bytes:
        return self.data[: _HEAD.size]

    @property
    def commitment(self) -> bytes:
        return self.data[_HEAD.size : _HEAD.size + _COMMITMENT_BYTES]

    @property
    def note(self) -> bytes:
        return self.data[_HEAD.size + _COMMITMENT_BYTES : _WRAPPED_AT]

    @property
    def wrapped(self) -> bytes:
        return self.data[_WRAPPED_AT:]


@dataclass(frozen=True, slots=True)
class RingName:
    """Which ring a slot opens."""

    repository_id: bytes
    epoch: int
    ring_id: bytes


def make_password_slot(
    password: str, master_key: bytes, ring: RingName, note: SlotNote, cost: Cost | None = None
) -> tuple[bytes, bytes]:
    """A slot for a password: its id and its bytes."""
    if not password:
        raise Invalid.member("password", "A repository needs a password that is not empty.")
    cost = cost or Cost()
    slot_id, salt, head = _new_head(SlotKind.PASSWORD, cost, ring)
    wrapping_key, commitment = stretch(password, salt, slot_id, cost)
    return slot_id, _sealed(head, commitment, master_key, slot_id, note, wrapping_key)


def make_recovery_slot(
    master_key: bytes, ring: RingName, note: SlotNote
) -> tuple[bytes, bytes, str]:
    """A slot for a new recovery key: its id, its bytes, and the key to print."""
    recovery_key = draw(KEY_BYTES)
    slot_id, salt, head = _new_head(SlotKind.RECOVERY, _NO_COST, ring)
    wrapping_key, commitment = _recovery_keys(recovery_key, salt, slot_id)
    slot = _sealed(head, commitment, master_key, slot_id, note, wrapping_key)
    return slot_id, slot, print_key(RECOVERY_PREFIX, recovery_key)


def make_vault_slot(
    vault: KeyVault, master_key: bytes, ring: RingName, note: SlotNote
) -> tuple[bytes, bytes]:
    """A slot that a vault opens: its id and its bytes."""
    slot_id, _, head = _new_head(SlotKind.VAULT, _NO_COST, ring)
    wrapped = vault.wrap(master_key)
    if not 0 < len(wrapped) <= _MOST_WRAPPED_BYTES:
        raise Invalid(f"A vault may wrap a key into 4096 bytes at most, not {len(wrapped)}.")
    commitment = derive(master_key, "slot commitment", slot_id)
    return slot_id, head + commitment + _seal_note(head, master_key, slot_id, note) + wrapped


def parse_slot(data: bytes, repository_id: bytes) -> Slot | None:
    """A slot of this repository, of whatever kind; ``None`` for what is none.

    An interrupted ``init`` may leave a slot of a repository that never came to be.
    """
    if slot_owner(data) != repository_id:
        return None
    _, version, kind, memory, passes, lanes, epoch, _, slot_id, ring_id, salt = _HEAD.unpack_from(
        data
    )
    if version != FORMAT_VERSION:
        return None
    return Slot(kind, Cost(memory, passes, lanes), epoch, slot_id, ring_id, salt, data)


def slot_owner(data: bytes) -> bytes | None:
    """The repository a slot says it belongs to; ``None`` for what is no slot."""
    if not _WRAPPED_AT < len(data) <= MAX_SLOT_BYTES or not data.startswith(SLOT_MAGIC):
        return None
    return bytes(_HEAD.unpack_from(data)[7])


def open_slot(slot: Slot, secret: str) -> bytes | None:
    """The master key, if ``secret`` is the password or recovery key of this slot.

    Raises ``Damaged`` for a slot that asks for unreasonable work or whose key does not open
    although the secret is right; ``Invalid`` for a recovery key that is mistyped.
    """
    if slot.kind == SlotKind.PASSWORD:
        ensure(
            slot.cost.is_reasonable,
            "A key slot asks for unreasonable work; it was not written by this program.",
        )
        wrapping_key, commitment = stretch(secret, slot.salt, slot.slot_id, slot.cost)
    elif slot.kind == SlotKind.RECOVERY and looks_printed(RECOVERY_PREFIX, secret):
        recovery_key = read_key(RECOVERY_PREFIX, secret, KEY_BYTES)
        wrapping_key, commitment = _recovery_keys(recovery_key, slot.salt, slot.slot_id)
    else:
        return None
    if not same(commitment, slot.commitment):
        return None
    master_key = unseal(wrapping_key, nonce(Purpose.MASTER_KEY), slot.wrapped, slot.head)
    if master_key is None:
        raise Damaged("A key slot is damaged: the password is right, but the key does not open.")
    return master_key


def open_vault_slot(slot: Slot, vault: KeyVault) -> bytes | None:
    """The master key, if the slot is one that ``vault`` opens. Raises ``WrongKey``."""
    if slot.kind != SlotKind.VAULT:
        return None
    master_key = vault.unwrap(slot.wrapped)
    if len(master_key) != KEY_BYTES:  # anybody may wrap anything with the public half
        return None
    expected = derive(master_key, "slot commitment", slot.slot_id)
    return master_key if same(expected, slot.commitment) else None


def read_note(slot: Slot, master_key: bytes) -> SlotNote:
    """Whose slot it is. Raises ``Damaged``, also for a slot of another master key."""
    key = _note_key(master_key, slot.slot_id)
    plain = unseal(key, nonce(Purpose.NOTE), slot.note, slot.head)
    if plain is None:
        raise Damaged(f"The key slot {slot.slot_id.hex()} is damaged.")
    ensure(len(plain) == _NOTE.size, f"The key slot {slot.slot_id.hex()} has no note.")
    seconds, length, label = _NOTE.unpack(plain)
    try:
        made_at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Damaged(f"The key slot {slot.slot_id.hex()} has an impossible date.") from None
    return SlotNote(label[:length].decode(errors="replace"), made_at)


def _new_head(kind: SlotKind, cost: Cost, ring: RingName) -> tuple[bytes, bytes, bytes]:
    slot_id, salt = draw(16), draw(32)
    head = _HEAD.pack(
        SLOT_MAGIC,
        FORMAT_VERSION,
        kind,
        cost.memory_kib,
        cost.passes,
        cost.lanes,
        ring.epoch,
        ring.repository_id,
        slot_id,
        ring.ring_id,
        salt,
    )
    return slot_id, salt, head


def _sealed(
    head: bytes,
    commitment: bytes,
    master_key: bytes,
    slot_id: bytes,
    note: SlotNote,
    wrapping_key: bytes,
) -> bytes:
    wrapped = seal(wrapping_key, nonce(Purpose.MASTER_KEY), master_key, head)
    return head + commitment + _seal_note(head, master_key, slot_id, note) + wrapped


def _seal_note(head: bytes, master_key: bytes, slot_id: bytes, note: SlotNote) -> bytes:
    """Always of one length: labels tell an observer nothing."""
    label = note.label.encode()
    if len(label) > 87:
        raise Invalid.member("label", "A label of a key has at most 87 bytes.")
    plain = _NOTE.pack(int(note.created_at.timestamp()), len(label), label)
    return seal(_note_key(master_key, slot_id), nonce(Purpose.NOTE), plain, head)


def _note_key(master_key: bytes, slot_id: bytes) -> bytes:
    return derive(master_key, "slot note", slot_id)


def _recovery_keys(recovery_key: bytes, salt: bytes, slot_id: bytes) -> tuple[bytes, bytes]:
    """Wrapping key and key commitment."""
    return (
        derive(recovery_key, "slot wrapping", salt),
        derive(recovery_key, "slot commitment", slot_id),
    )
