"""Stores a chunk unless the repository has it: the one place that decides what is shared.

A chunk is known if this session has stored it (also in an earlier attempt), or if the
index finds it in a pack that is not condemned (docs/format/order.md, invariant 5).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable
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
from kyanite.engine.storage.base import Data

SpanKey = tuple[int, int]  # disk (its place in the point), number of the span

# Two threads met the same new chunk: the second looks this often where the first put it.
_LOOK_SECONDS: Final = 0.001


class ChunkStore:
    """Names, looks up, compresses and packs. ``add`` is thread-safe."""

    def __init__(
        self, keys: BackupKeys, index: Index, uploads: PackUploads, zstd_level: int
    ) -> None:
        self._id_key = keys.id_key
        self._page_id_key = page_id_key(keys.id_key)
        self._index = index
        self._uploads = uploads
        self._zstd_level = zstd_level
        self._claims: dict[bytes, PackNumber | _Claim] = {}
        self._shared: dict[PackRef, set[SpanKey]] = {}
        self._lock = threading.Lock()

    def know(self, packs: Iterable[PackTable]) -> None:
        """Chunks and pages in ``packs`` of this session are stored already."""
        for table in packs:
            number = table.pack.number
            for entry in table.entries:
                self._claims[entry.entry_id] = number

    def add_chunk(self, data: Data, used_by: SpanKey) -> tuple[bytes, PackNumber]:
        """The id of a chunk, and the pack in which it is or will be."""
        chunk_id = blake3(data, key=self._id_key).digest()
        return chunk_id, self._store(chunk_id, EntryType.CHUNK, data, used_by)

    def add_page(self, page: bytes, used_by: SpanKey) -> PageRef:
        """A page, likewise."""
        page_id = blake3(page, key=self._page_id_key).digest()
        return PageRef(page_id, self._store(page_id, EntryType.PAGE, page, used_by))

    def shared_packs(self) -> dict[PackRef, set[SpanKey]]:
        """Packs of other sessions whose chunks were taken instead of stored, and for what."""
        with self._lock:
            return {pack: set(spans) for pack, spans in self._shared.items()}

    def exclude(self, packs: Collection[PackRef]) -> None:
        """Never share from ``packs`` again. Nobody may add meanwhile."""
        self._index = self._index.excluding(packs)
        for pack in packs:
            self._shared.pop(pack, None)

    def _store(self, entry_id: bytes, kind: EntryType, data: Data, used_by: SpanKey) -> PackNumber:
        claims = self._claims
        claimed = claims.get(entry_id)
        if claimed is not None:
            return self._placed(entry_id, claimed)
        found = self._index.find(entry_id)
        if found is not None:
            spans = self._shared.get(found.pack)
            if spans is None or used_by not in spans:
                with self._lock:
                    self._shared.setdefault(found.pack, set()).add(used_by)
            return found.pack.number
        mine = _Claim()
        claimed = claims.setdefault(entry_id, mine)
        if claimed is not mine:
            return self._placed(entry_id, claimed)
        try:
            number = self._uploads.add(code(entry_id, kind, data, self._zstd_level))
        except BaseException:
            mine.failed = True
            raise
        claims[entry_id] = number
        return number

    def _placed(self, entry_id: bytes, claimed: PackNumber | _Claim) -> PackNumber:
        """The pack of a chunk that this session stores; another thread may be at it."""
        while isinstance(claimed, _Claim):
            self._uploads.raise_failure()
            if claimed.failed:
                raise StorageUnavailable("Another part of this backup failed.")
            time.sleep(_LOOK_SECONDS)
            claimed = self._claims[entry_id]
        return claimed


class _Claim:
    """A thread is about to store this chunk."""

    __slots__ = ("failed",)

    def __init__(self) -> None:
        self.failed = False
