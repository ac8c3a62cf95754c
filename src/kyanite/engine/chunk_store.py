"""Stores a chunk unless the repository has it: the one place that decides what is shared.

A chunk is known if this session has stored it (also in an earlier attempt), or if the
index finds it in a pack that is not condemned (docs/format/order.md, invariant 5).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from blake3 import blake3

from kyanite.base.errors import StorageUnavailable
from kyanite.engine.format import EntryType
from kyanite.engine.index import Index
from kyanite.engine.keys import BackupKeys, page_id_key
from kyanite.engine.open_pack import code
from kyanite.engine.pack import PackNumber, PackRef, PackTable
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.pages import PageRef
from kyanite.engine.placed_entries import PlacedEntries
from kyanite.engine.storage.base import Data

SpanKey = tuple[int, int]  # disk (its place in the point), number of the span

# Two threads met the same new chunk: the second looks this often where the first put it.
_LOOK_SECONDS: Final = 0.001


class ChunkStore:
    """Names, looks up, compresses and packs. Adding is thread-safe."""

    def __init__(
        self, keys: BackupKeys, index: Index, uploads: PackUploads, zstd_level: int
    ) -> None:
        self._id_key = keys.id_key
        self._page_id_key = page_id_key(keys.id_key)
        self._index = index
        self._uploads = uploads
        self._zstd_level = zstd_level
        self._placed_here = PlacedEntries()
        self._numbers: dict[int, PackNumber] = {}
        self._claims: dict[bytes, _Claim] = {}  # only what is being stored right now
        self._shared: dict[PackRef, set[SpanKey]] = {}
        self._lock = threading.Lock()

    def know(self, packs: Iterable[PackTable]) -> None:
        """Chunks and pages in ``packs`` of this session are stored already."""
        for table in packs:
            self._numbers[table.pack.ordinal] = table.pack.number
            for entry in table.entries:
                self._placed_here.put(entry.entry_id, table.pack.ordinal)

    def add_chunks(
        self, chunks: Sequence[Data], used_by: SpanKey
    ) -> list[tuple[bytes, PackNumber]]:
        """The ids of chunks, and the packs in which they are or will be."""
        ids = [blake3(chunk, key=self._id_key).digest() for chunk in chunks]
        return list(zip(ids, self._store(ids, EntryType.CHUNK, chunks, used_by), strict=True))

    def add_page(self, page: bytes, used_by: SpanKey) -> PageRef:
        """A page, likewise."""
        page_id = blake3(page, key=self._page_id_key).digest()
        return PageRef(page_id, self._store([page_id], EntryType.PAGE, [page], used_by)[0])

    def shared_packs(self) -> dict[PackRef, set[SpanKey]]:
        """Packs of other sessions whose chunks were taken instead of stored, and for what."""
        with self._lock:
            return {pack: set(spans) for pack, spans in self._shared.items()}

    def exclude(self, packs: Collection[PackRef]) -> None:
        """Never share from ``packs`` again. Nobody may add meanwhile."""
        self._index = self._index.excluding(pack.number for pack in packs)
        for pack in packs:
            self._shared.pop(pack, None)

    def _store(
        self, ids: Sequence[bytes], kind: EntryType, plain: Sequence[Data], used_by: SpanKey
    ) -> list[PackNumber]:
        unknown = {
            one: data
            for one, data in zip(ids, plain, strict=True)
            if one not in self._claims and self._placed_here.get(one) is None
        }
        shared: dict[bytes, PackNumber] = {}
        new: list[tuple[bytes, Data]] = []
        found = self._index.find_many(list(unknown)) if unknown else []
        for (one, data), location in zip(unknown.items(), found, strict=True):
            if location is not None:
                self._share(location.pack, used_by)
                shared[one] = location.pack.number
            elif self._claim(one):
                new.append((one, data))
        self._put(new, kind)
        # Chunks that other threads have claimed last, when all of our own have their place:
        # two threads never wait for each other.
        return [shared.get(one) or self._placed(one) for one in ids]

    def _share(self, pack: PackRef, used_by: SpanKey) -> None:
        spans = self._shared.get(pack)
        if spans is None or used_by not in spans:
            with self._lock:
                self._shared.setdefault(pack, set()).add(used_by)

    def _claim(self, entry_id: bytes) -> bool:
        """True: it is ours to store. Else another thread was first."""
        mine = _Claim()
        if self._claims.setdefault(entry_id, mine) is not mine:
            return False
        if self._placed_here.get(entry_id) is not None:  # since we looked
            del self._claims[entry_id]
            return False
        return True

    def _put(self, claimed: Sequence[tuple[bytes, Data]], kind: EntryType) -> None:
        """Store side by side what lies side by side: a restore reads and writes it in one go."""
        try:
            numbers = self._uploads.add_all(
                [code(entry_id, kind, data, self._zstd_level) for entry_id, data in claimed]
            )
        except BaseException:
            for entry_id, _ in claimed:
                self._claims[entry_id].failed = True
            raise
        for (entry_id, _), number in zip(claimed, numbers, strict=True):
            self._numbers.setdefault(number.ordinal, number)
            self._placed_here.put(entry_id, number.ordinal)
            del self._claims[entry_id]  # after it can be found

    def _placed(self, entry_id: bytes) -> PackNumber:
        """The pack of a chunk that this session stores; another thread may be at it."""
        while (ordinal := self._placed_here.get(entry_id)) is None:
            self._uploads.raise_failure()
            claimed = self._claims.get(entry_id)
            if claimed is not None:
                if claimed.failed:
                    raise StorageUnavailable("Another part of this backup failed.")
                time.sleep(_LOOK_SECONDS)
        return self._numbers[ordinal]


class _Claim:
    """A thread is about to store this chunk."""

    __slots__ = ("failed",)

    def __init__(self) -> None:
        self.failed = False
