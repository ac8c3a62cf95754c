"""Reads a whole pack and checks everything in it: header, table, and every entry's tag and hash."""

from __future__ import annotations

from dataclasses import dataclass

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged
from kyanite.engine.format import EntryType
from kyanite.engine.keys import RepositoryKeys, pack_key, page_id_key, structure_key
from kyanite.engine.pack import PackRef, open_entry, read_table
from kyanite.engine.storage.base import Storage


@dataclass(frozen=True, slots=True)
class CheckedPack:
    """``damaged``: ids of entries that are not what they should be, with a sentence each."""

    size_bytes: int
    opened: int
    entry_ids: tuple[bytes, ...]
    damaged: tuple[tuple[bytes, str], ...]


def check_pack(storage: Storage, keys: RepositoryKeys, pack: PackRef) -> CheckedPack:
    """Check a pack. Raises ``Damaged`` if its frame is wrong, so that no entry can be told."""
    table = read_table(storage, pack, keys.maintenance_key, keys.repository_id)
    data = memoryview(storage.get(pack.name))
    if len(data) != table.size_bytes:
        raise Damaged(f"{pack.name} has {len(data)} bytes and should have {table.size_bytes}.")
    root = keys.session_root(pack.session_id, table.epoch)
    names = {EntryType.CHUNK: keys.id_key, EntryType.PAGE: page_id_key(keys.id_key)}
    ciphers = {
        EntryType.CHUNK: AESGCM(pack_key(root, pack.pack_id)),
        EntryType.PAGE: AESGCM(structure_key(keys.maintenance_key, pack.pack_id)),
    }
    damaged: list[tuple[bytes, str]] = []
    for entry in table.entries:
        try:
            kind = EntryType(entry.entry_type)
        except ValueError:
            reason = f"The entry at {entry.offset} is of unknown type {entry.entry_type}."
            damaged.append((entry.entry_id, reason))
            continue
        stored = data[entry.offset : entry.offset + entry.stored_length]
        try:
            plain = open_entry(
                ciphers[kind],
                keys.repository_id,
                pack,
                entry.entry_id,
                entry,
                stored,
                entry.plain_length,
            )
        except Damaged as error:
            damaged.append((entry.entry_id, str(error)))
            continue
        if blake3(plain, key=names[kind]).digest() != entry.entry_id:
            reason = f"The entry at {entry.offset} holds other bytes than its id says."
            damaged.append((entry.entry_id, reason))
    entry_ids = tuple(entry.entry_id for entry in table.entries)
    return CheckedPack(table.size_bytes, len(table), entry_ids, tuple(damaged))
