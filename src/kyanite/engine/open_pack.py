"""A pack while it is written: many threads fill it, each its own entries.

Places are given out under a lock, so no nonce is used twice; sealing
happens outside of it, straight into the pack's buffer.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.engine.compression import compress
from kyanite.engine.format import TAG_BYTES, EntryType, new_pack_id
from kyanite.engine.keys import BackupKeys, pack_key, structure_key
from kyanite.engine.pack import (
    HEADER,
    ROW,
    PackRef,
    PackTable,
    entry_context,
    entry_nonce,
    header,
    seal_end,
    table_bytes,
)
from kyanite.engine.storage.base import Data


@dataclass(frozen=True, slots=True)
class Coded:
    """An entry ready to be sealed: coded bytes and what they are."""

    entry_id: bytes
    entry_type: EntryType
    codec: int
    plain_length: int
    data: Data


def code(entry_id: bytes, entry_type: EntryType, plain: Data, zstd_level: int) -> Coded:
    """Compress where it saves enough."""
    codec, data = compress(plain, zstd_level)
    return Coded(entry_id, entry_type, codec, len(plain), data)


class OpenPack:
    """One pack in a buffer. ``reserve`` is called under the owner's lock, ``fill`` is not."""

    def __init__(self, buffer: memoryview, keys: BackupKeys, ordinal: int) -> None:
        self.ref = PackRef(keys.session_id, new_pack_id(ordinal))
        self.number = self.ref.number
        self.buffer = buffer
        self._view = buffer
        self._epoch = keys.epoch
        self._head = header(keys.repository_id, self.ref, keys.epoch)
        self._view[: HEADER.size] = self._head
        self._end = HEADER.size
        self._rows = bytearray()
        self._repository_id = keys.repository_id
        self._maintenance_key = keys.maintenance_key
        self._chunk_cipher = AESGCM(pack_key(keys.session_root, self.ref.pack_id))
        self._page_cipher = AESGCM(structure_key(keys.maintenance_key, self.ref.pack_id))
        self._lock = threading.Lock()
        self._pending = 0
        self._closed = False

    def reserve(self, coded: Sequence[Coded]) -> list[int]:
        """Offsets for as many entries as find room, the first ones."""
        offsets: list[int] = []
        count = len(self._rows) // ROW.size
        for one in coded:
            stored_length = len(one.data) + TAG_BYTES
            count += 1
            if self._end + stored_length + table_bytes(count) > len(self.buffer):
                break
            offsets.append(self._end)
            self._rows += ROW.pack(
                one.entry_id, stored_length, one.plain_length, one.entry_type, one.codec, 0
            )
            self._end += stored_length
        with self._lock:
            self._pending += len(offsets)
        return offsets

    @property
    def reserved_bytes(self) -> int:
        """How far it is given out."""
        return self._end

    def fill(self, offset: int, coded: Coded) -> bool:
        """Seal the entry into its place. True: the pack is closed and this was its last one."""
        cipher = self._page_cipher if coded.entry_type is EntryType.PAGE else self._chunk_cipher
        cipher.encrypt_into(
            entry_nonce(coded.entry_type, offset),
            coded.data,
            entry_context(
                self._repository_id,
                self.ref.pack_id,
                offset,
                coded.entry_id,
                coded.entry_type,
                coded.codec,
            ),
            self._view[offset : offset + len(coded.data) + TAG_BYTES],
        )
        with self._lock:
            self._pending -= 1
            return self._closed and self._pending == 0

    def close(self) -> bool:
        """No more entries. True: all are filled, the pack can go."""
        with self._lock:
            self._closed = True
            return self._pending == 0

    def finish(self) -> memoryview:
        """The whole pack, sealed, once every entry is filled."""
        count = len(self._rows) // ROW.size
        end = seal_end(self._rows, count, self._end, self._head, self._maintenance_key)
        size = self._end + len(end)
        self._view[self._end : size] = end
        return self._view[:size]

    def table(self, size_bytes: int) -> PackTable:
        """What stands in the finished pack."""
        return PackTable(self.ref, size_bytes, self._epoch, bytes(self._rows))
