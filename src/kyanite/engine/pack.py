"""The bytes of a pack: header, entries, sealed table, trailer (docs/format/objects.md, "Pack")."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged
from kyanite.engine.compression import decompress, decompress_within
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
    ordinal_of,
    pack_name,
)
from kyanite.engine.keys import structure_key
from kyanite.engine.storage.base import Data, Storage

HEADER: Final = struct.Struct("<8sHHI16s16s16s")
TRAILER: Final = struct.Struct("<IIII32s8s8s")
_TRAILER_NUMBERS: Final = struct.Struct("<IIII")
ROW: Final = struct.Struct("<32sIIBBH")
_CONTEXT: Final = struct.Struct("<H16s16sI32sBB")

# The tables of usual packs (some hundred entries) with room to spare.
TAIL_BYTES: Final = 16 * 1024


class PackNumber(NamedTuple):
    """Which pack of a session: what points name (docs/format/objects.md, "Pack sets")."""

    session_id: bytes
    ordinal: int


@dataclass(frozen=True, slots=True)
class PackRef:
    """Which pack: its id and the session that wrote it."""

    session_id: bytes
    pack_id: bytes

    @property
    def name(self) -> str:
        return pack_name(self.session_id, self.pack_id)

    @property
    def ordinal(self) -> int:
        """Its place among the packs of its session."""
        return ordinal_of(self.pack_id)

    @property
    def number(self) -> PackNumber:
        return PackNumber(self.session_id, self.ordinal)


class Placed(Protocol):
    """Where in its pack an entry lies, and how it was stored."""

    @property
    def offset(self) -> int: ...
    @property
    def stored_length(self) -> int: ...
    @property
    def entry_type(self) -> int: ...
    @property
    def codec(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PackEntry:
    """One row of a pack's table, with the offset that follows from the rows before."""

    entry_id: bytes
    offset: int
    stored_length: int
    plain_length: int
    entry_type: int
    codec: int


@dataclass(frozen=True, slots=True)
class PackTable:
    """What a pack holds; ``size_bytes`` is the size of the object.

    The rows stay bytes: a session may hold tables of millions of entries.
    """

    pack: PackRef
    size_bytes: int
    epoch: int
    rows: bytes = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows) // ROW.size

    @property
    def entries(self) -> Iterator[PackEntry]:
        """The entries, in the order of their offsets."""
        at = HEADER.size
        for entry_id, stored, plain, entry_type, codec, _ in ROW.iter_unpack(self.rows):
            yield PackEntry(entry_id, at, stored, plain, entry_type, codec)
            at += stored


def header(repository_id: bytes, pack: PackRef, epoch: int) -> bytes:
    return HEADER.pack(
        PACK_MAGIC, FORMAT_VERSION, 0, epoch, repository_id, pack.session_id, pack.pack_id
    )


def entry_context(
    repository_id: bytes, pack_id: bytes, offset: int, entry_id: bytes, entry_type: int, codec: int
) -> bytes:
    """The additional data of an entry: all that must not be mistaken."""
    return _CONTEXT.pack(
        FORMAT_VERSION, repository_id, pack_id, offset, entry_id, entry_type, codec
    )


def entry_nonce(entry_type: int, offset: int) -> bytes:
    return nonce(Purpose.PAGE if entry_type == EntryType.PAGE else Purpose.CHUNK, offset)


def open_entry(
    cipher: AESGCM,
    repository_id: bytes,
    pack: PackRef,
    entry_id: bytes,
    place: Placed,
    stored: Data,
    plain_length: int | None = None,
) -> Data:
    """The plain bytes of an entry. ``cipher`` has the key for the entry's type.

    ``plain_length`` comes from a page or a table; without it (pages) the bytes are only
    bounded. Raises ``Damaged`` if it does not authenticate as ``entry_id``. The caller
    checks the keyed hash.
    """
    context = entry_context(
        repository_id, pack.pack_id, place.offset, entry_id, place.entry_type, place.codec
    )
    try:
        coded = cipher.decrypt(entry_nonce(place.entry_type, place.offset), stored, context)
    except (InvalidTag, ValueError):  # ValueError: shorter than a tag
        raise Damaged(f"{pack.name}: the entry at {place.offset} is damaged (tag).") from None
    if plain_length is None:
        return decompress_within(place.codec, coded, MAX_CHUNK_BYTES)
    ensure(plain_length <= MAX_CHUNK_BYTES, "A chunk is impossibly long.")
    return decompress(place.codec, coded, plain_length)


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
    storage: Storage,
    pack: PackRef,
    maintenance_key: bytes,
    repository_id: bytes,
    size_bytes: int | None = None,
) -> PackTable:
    """What the pack holds, in two small reads. Raises ``Damaged``, ``ObjectMissing``.

    ``size_bytes`` from a listing saves asking for it.
    """
    name = pack.name
    if size_bytes is None:
        size_bytes = storage.size(name)
    ensure(HEADER.size + TRAILER.size < size_bytes <= MAX_PACK_BYTES, f"{name} has a wrong size.")
    head = storage.get_range(name, 0, HEADER.size)
    tail_bytes = min(size_bytes, TAIL_BYTES)
    tail = storage.get_range(name, size_bytes - tail_bytes, tail_bytes)
    ensure(len(head) == HEADER.size and len(tail) >= TRAILER.size, f"{name} is cut short.")
    magic, version, reserved, epoch, owner, session_id, pack_id = HEADER.unpack(head)
    ensure(magic == PACK_MAGIC and tail.endswith(PACK_END_MAGIC), f"{name} is damaged (magic).")
    check_version(version, name)
    ensure(
        reserved == 0
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
    _check_rows(rows, name, offset)
    return PackTable(pack, size_bytes, epoch, rows)


def _check_rows(rows: bytes, name: str, table_offset: int) -> None:
    """Raise ``Damaged`` unless the entries fill the pack and none is of impossible length."""
    at = HEADER.size
    for number, (_, stored, plain, kind, codec, reserved) in enumerate(ROW.iter_unpack(rows)):
        ensure(
            reserved == 0
            and 1 <= kind <= 3  # as many as the index has bits for
            and codec <= 3
            and TAG_BYTES < stored <= MAX_CHUNK_BYTES + TAG_BYTES
            and 0 < plain <= MAX_CHUNK_BYTES,
            f"{name}: row {number} of its table makes no sense.",
        )
        at += stored
    ensure(at == table_offset, f"{name}: its table does not fill it.")
