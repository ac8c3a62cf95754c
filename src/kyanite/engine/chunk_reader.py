"""Reads chunks from packs and proves that each is what its id says.

A chunk that cannot be read from the pack that was planned is looked for in every other pack
that has it, the index being read anew once, before it is given up.
"""

from __future__ import annotations

from collections.abc import Iterator

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged, EngineError, Missing, ObjectMissing, WrongKey
from kyanite.engine.copies import Copies
from kyanite.engine.format import EntryType
from kyanite.engine.index_location import Location
from kyanite.engine.pack import open_entry
from kyanite.engine.pack_bytes import PackBytes
from kyanite.engine.read_keys import ReadKeys, key_of_pack
from kyanite.engine.restore_plan import Fetch, Wanted
from kyanite.engine.storage.base import Data, Storage


class ChunkReader:
    """Reads what was planned. Thread-safe."""

    def __init__(self, storage: Storage, keys: ReadKeys, copies: Copies) -> None:
        self._storage = storage
        self._keys = keys
        self._key_of_pack = key_of_pack(keys)
        self._copies = copies

    def read(
        self, fetch: Fetch, window: memoryview | None = None
    ) -> Iterator[tuple[Wanted, Data | EngineError]]:
        """Every wanted chunk with its bytes, or with why it cannot be read from anywhere.

        ``window``: the pack passes through it, instead of being held as far as it is read.
        Raises what the storage raises, but for an object that is missing.
        """
        cipher = self._cipher(fetch.wanted[0].location)
        with PackBytes(self._storage, fetch, window) as pack:
            for one in fetch.wanted:
                try:
                    stored = pack.at(one.location.offset, one.location.stored_length)
                    plain = self._open(cipher, one, one.location, stored)
                except (Damaged, Missing, WrongKey) as error:
                    yield one, self._elsewhere(one, error)
                else:
                    yield one, plain

    def _elsewhere(self, wanted: Wanted, first: EngineError) -> Data | EngineError:
        """From any other copy, by the index as it is and then by a fresh one."""
        tried = {wanted.location}
        for find in (self._copies.find_all, self._copies.find_again):
            for location in find(wanted.chunk_id):
                if location in tried:
                    continue
                tried.add(location)
                try:
                    stored = self._storage.get_range(
                        location.pack.name, location.offset, location.stored_length
                    )
                    return self._open(self._cipher(location), wanted, location, stored)
                except (Damaged, Missing, WrongKey, ObjectMissing):
                    continue
        if isinstance(first, Missing):
            return Missing(no_chunk(wanted.chunk_id, wanted.places[0]))
        return first

    def _cipher(self, location: Location) -> AESGCM | None:
        try:
            key = self._key_of_pack(location.pack, location.epoch)
        except WrongKey:
            return None
        return None if key is None else AESGCM(key)

    def _open(
        self, cipher: AESGCM | None, wanted: Wanted, location: Location, stored: Data
    ) -> Data:
        pack, chunk_id = location.pack, wanted.chunk_id
        if len(stored) != location.stored_length:
            raise Damaged(f"{pack.name} is shorter than its table says.")
        if cipher is None:
            raise WrongKey(f"These keys do not open {pack.name}.")
        if location.entry_type != EntryType.CHUNK:
            raise Damaged(f"{pack.name}: the entry at {location.offset} should be a chunk.")
        repository_id = self._keys.repository_id
        plain = open_entry(cipher, repository_id, pack, chunk_id, location, stored, wanted.length)
        if blake3(plain, key=self._keys.id_key).digest() != chunk_id:
            raise Damaged(
                f"{pack.name}: the entry at {location.offset} holds other bytes than its "
                f"id {chunk_id.hex()[:16]} says."
            )
        return plain


def no_chunk(chunk_id: bytes, place: int) -> str:
    """What to say of a chunk that is nowhere."""
    return (
        f"The chunk {chunk_id.hex()[:16]} for offset {place} is in no pack that can be read; "
        "run verify to see what else is hurt."
    )
