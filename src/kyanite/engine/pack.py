"""The bytes of a pack: header, entries, sealed table, trailer (docs/format/objects.md, "Pack")."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged
from kyanite.engine.compression import decompress
from kyanite.engine.format import (
    FORMAT_VERSION,
    MAX_CHUNK_BYTES,
    MAX_PACK_BYTES,
    PACK_END_MAGIC,
    PACK_MAGIC,
    TAG_BYTES,
    EntryType,
    Purpose,
    check_version,
    ensure,
    nonce,
    pack_name,
)
from kyanite.engine.keys import structure_key
from kyanite.engine.storage.base import Data, Storage

HEADER: Final = struct.Struct("<8sHHI16s16s16s")
TRAILER: Final = struct.Struct("<IIII32s8s8s")
_TRAILER_NUMBERS: Final = struct.Struct("<IIII")
ROW: Final = struct.Struct("<32sIIIBBH")
_CONTEXT: Final = struct.Struct("<H16s16sQ32sBBI")

# The tables of usual packs (some hundred entries) with room to spare.
_TAIL_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class PackRef:
    """Which pack: its id and the session that wrote it."""

    session_id: bytes
    pack_id: bytes

    @property
    def name(self) -> str:
        return pack_name(self.session_id, self.pack_id)


@dataclass(frozen=True, slots=True)
class PackEntry:
    """One row of a pack's table."""

    entry_id: bytes
    number: int
    offset: int
    stored_length: int
    plain_length: int
    entry_type: int
    codec: int


@dataclass(frozen=True, slots=True)
class PackTable:
    """What a pack holds; ``size_bytes`` is the size of the object."""

    pack: PackRef
    size_bytes: int
    entries: tuple[PackEntry, ...]


def header(repository_id: bytes, pack: PackRef) -> bytes:
    return HEADER.pack(
        PACK_MAGIC, FORMAT_VERSION, 0, 0, repository_id, pack.session_id, pack.pack_id
    )


def entry_context(repository_id: bytes, pack_id: bytes, entry: PackEntry) -> bytes:
    """The additional data of an entry: all that must not be mistaken."""
    return _CONTEXT.pack(
        FORMAT_VERSION,
        repository_id,
        pack_id,
        entry.number,
        entry.entry_id,
        entry.entry_type,
        entry.codec,
        entry.plain_length,
    )


def entry_nonce(entry_type: int, number: int) -> bytes:
    return nonce(Purpose.PAGE if entry_type == EntryType.PAGE else Purpose.CHUNK, number)


def open_entry(
    cipher: AESGCM, repository_id: bytes, pack: PackRef, entry: PackEntry, stored: Data
) -> Data:
    """The plain bytes of an entry. ``cipher`` has the key for the entry's type.

    Raises ``Damaged`` if it does not authenticate. The caller checks the id.
    """
    ensure(entry.plain_length <= MAX_CHUNK_BYTES, "A chunk is impossibly long.")
    context = entry_context(repository_id, pack.pack_id, entry)
    try:
        coded = cipher.decrypt(entry_nonce(entry.entry_type, entry.number), stored, context)
    except InvalidTag:
        raise Damaged(
            f"{pack.name}: entry {entry.number} at {entry.offset} is damaged (tag)."
        ) from None
    return decompress(entry.codec, coded, entry.plain_length)


def table_bytes(entry_count: int) -> int:
    """What table and trailer of a pack with so many entries take."""
    return entry_count * ROW.size + TAG_BYTES + TRAILER.size


def seal_end(
    rows: Data, entry_count: int, table_offset: int, head: bytes, maintenance_key: bytes
) -> bytes:
    """Table and trailer, to stand at ``table_offset``."""
    pack_id = HEADER.unpack(head)[6]
    cipher = AESGCM(structure_key(maintenance_key, pack_id))
    sealed = cipher.encrypt(nonce(Purpose.TABLE), rows, head)
    numbers = _TRAILER_NUMBERS.pack(table_offset, len(sealed), entry_count, 0)
    check = blake3(head + sealed + numbers).digest()
    return sealed + numbers + check + bytes(8) + PACK_END_MAGIC


def read_table(
    storage: Storage, pack: PackRef, maintenance_key: bytes, repository_id: bytes
) -> PackTable:
    """What the pack holds, in two small reads. Raises ``Damaged``, ``ObjectMissing``."""
    name = pack.name
    size_bytes = storage.size(name)
    ensure(HEADER.size + TRAILER.size < size_bytes <= MAX_PACK_BYTES, f"{name} has a wrong size.")
    head = storage.get_range(name, 0, HEADER.size)
    tail_bytes = min(size_bytes, _TAIL_BYTES)
    tail = storage.get_range(name, size_bytes - tail_bytes, tail_bytes)
    ensure(len(head) == HEADER.size and len(tail) >= TRAILER.size, f"{name} is cut short.")
    magic, version, reserved, reserved2, owner, session_id, pack_id = HEADER.unpack(head)
    ensure(magic == PACK_MAGIC and tail.endswith(PACK_END_MAGIC), f"{name} is damaged (magic).")
    check_version(version, name)
    ensure(
        (reserved, reserved2) == (0, 0)
        and (owner, session_id, pack_id) == (repository_id, pack.session_id, pack.pack_id),
        f"{name} holds another pack.",
    )
    offset, length, count, zero, check, zeros, _ = TRAILER.unpack(tail[-TRAILER.size :])
    ensure(
        (zero, zeros) == (0, bytes(8))
        and length == count * ROW.size + TAG_BYTES
        and offset + length + TRAILER.size == size_bytes
        and offset >= HEADER.size,
        f"{name} is damaged (trailer).",
    )
    from_end = length + TRAILER.size
    if from_end > len(tail):
        tail = storage.get_range(name, size_bytes - from_end, from_end)
    sealed = tail[-from_end : -TRAILER.size]
    numbers = tail[-TRAILER.size :][: _TRAILER_NUMBERS.size]
    ensure(blake3(head + sealed + numbers).digest() == check, f"{name} is damaged (table).")
    cipher = AESGCM(structure_key(maintenance_key, pack_id))
    try:
        rows = cipher.decrypt(nonce(Purpose.TABLE), sealed, head)
    except InvalidTag:
        raise Damaged(f"{name}: its table does not authenticate.") from None
    return PackTable(pack, size_bytes, tuple(_entries(rows, name, offset)))


def _entries(rows: bytes, name: str, table_offset: int) -> Iterator[PackEntry]:
    at = HEADER.size
    for number, row in enumerate(ROW.iter_unpack(rows)):
        entry_id, offset, stored_length, plain_length, entry_type, codec, reserved = row
        ensure(
            reserved == 0 and offset == at and stored_length > TAG_BYTES,
            f"{name}: row {number} of its table makes no sense.",
        )
        at += stored_length
        yield PackEntry(entry_id, number, offset, stored_length, plain_length, entry_type, codec)
    ensure(at == table_offset, f"{name}: its table does not fill it.")
