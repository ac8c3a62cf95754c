"""Which entries this session has stored, and in which of its packs: some 30 bytes each.

A terabyte of new data has ten million chunks; a dictionary of them would take two gigabytes.
As in the index, the first 16 bytes of an id stand for it: they are bits of a keyed hash.
"""

from __future__ import annotations

import threading
from typing import Final

_PREFIX_BYTES: Final = 16
_SLOT_BYTES: Final = _PREFIX_BYTES + 4
_SHARDS: Final = 256  # each grows on its own, so that nobody waits long for it
_FIRST_SLOTS: Final = 8
_MOST_FULL: Final = 0.8
_GROWTH: Final = 1.5


class PlacedEntries:
    """From entry id to the ordinal of a pack. Thread-safe; nothing is ever removed."""

    def __init__(self) -> None:
        self._shards: list[_Shard | None] = [None] * _SHARDS
        self._lock = threading.Lock()

    def get(self, entry_id: bytes) -> int | None:
        shard = self._shards[entry_id[0]]
        return None if shard is None else shard.get(entry_id[:_PREFIX_BYTES])

    def put(self, entry_id: bytes, ordinal: int) -> None:
        """The last one counts."""
        with self._lock:
            shard = self._shards[entry_id[0]]
            if shard is None:
                shard = self._shards[entry_id[0]] = _Shard()
            shard.put(entry_id[:_PREFIX_BYTES], ordinal)

    @property
    def size_bytes(self) -> int:
        """Of all tables."""
        return sum(len(shard.table) for shard in self._shards if shard is not None)


class _Shard:
    """Slots of prefix and ordinal plus one, found by linear probing; free ones are zero.

    ``table`` is replaced as a whole when it grows, and a slot is written at once, so readers
    need no lock.
    """

    __slots__ = ("_used", "table")

    def __init__(self) -> None:
        self.table = bytearray(_FIRST_SLOTS * _SLOT_BYTES)
        self._used = 0

    def get(self, prefix: bytes) -> int | None:
        table = self.table
        at = _slot_of(table, prefix)
        value = table[at + _PREFIX_BYTES : at + _SLOT_BYTES]
        return int.from_bytes(value, "little") - 1 if any(value) else None

    def put(self, prefix: bytes, ordinal: int) -> None:
        slots = len(self.table) // _SLOT_BYTES
        if self._used + 1 > slots * _MOST_FULL:
            self._grow(int(slots * _GROWTH))
        at = _slot_of(self.table, prefix)
        if not any(self.table[at + _PREFIX_BYTES : at + _SLOT_BYTES]):
            self._used += 1
        self.table[at : at + _SLOT_BYTES] = prefix + (ordinal + 1).to_bytes(4, "little")

    def _grow(self, slots: int) -> None:
        table = bytearray(slots * _SLOT_BYTES)
        for start in range(0, len(self.table), _SLOT_BYTES):
            slot = self.table[start : start + _SLOT_BYTES]
            if any(slot[_PREFIX_BYTES:]):
                at = _slot_of(table, bytes(slot[:_PREFIX_BYTES]))
                table[at : at + _SLOT_BYTES] = slot
        self.table = table


def _slot_of(table: bytearray, prefix: bytes) -> int:
    """Where the slot of ``prefix`` begins, or the free one where it belongs."""
    at = int.from_bytes(prefix[1:9], "little") % (len(table) // _SLOT_BYTES) * _SLOT_BYTES
    while True:
        found = table[at : at + _SLOT_BYTES]
        if found[:_PREFIX_BYTES] == prefix or not any(found[_PREFIX_BYTES:]):
            return at
        at = (at + _SLOT_BYTES) % len(table)
