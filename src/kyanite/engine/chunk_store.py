"""Stores a chunk unless the repository has it: the one place that decides what is shared.

A chunk is known if this session has stored it (also in an earlier attempt), or if the
index finds it in a pack that is not condemned (docs/format/order.md, invariant 5).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

from blake3 import blake3

from kyanite.engine.format import EntryType
from kyanite.engine.index import Index
from kyanite.engine.keys import BackupKeys, page_id_key
from kyanite.engine.open_pack import code
from kyanite.engine.pack import PackRef, PackTable
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.storage.base import Data

SpanKey = tuple[int, int]  # disk (its place in the point), number of the span


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
        self._claims: dict[bytes, object] = {}
        self._shared: dict[PackRef, set[SpanKey]] = {}
        self._lock = threading.Lock()

    def know(self, packs: Iterable[PackTable]) -> None:
        """Chunks and pages in ``packs`` of this session are stored already."""
        for table in packs:
            for entry in table.entries:
                self._claims[entry.entry_id] = True

    def add_chunk(self, data: Data, used_by: SpanKey) -> bytes:
        """The id of a chunk that is, or will be, in the repository."""
        chunk_id = blake3(data, key=self._id_key).digest()
        self._store(chunk_id, EntryType.CHUNK, data, used_by)
        return chunk_id

    def add_page(self, page: bytes, used_by: SpanKey) -> bytes:
        """The id of a page, likewise."""
        page_id = blake3(page, key=self._page_id_key).digest()
        self._store(page_id, EntryType.PAGE, page, used_by)
        return page_id

    def shared_packs(self) -> dict[PackRef, set[SpanKey]]:
        """Packs of other sessions whose chunks were taken instead of stored, and for what."""
        with self._lock:
            return {pack: set(spans) for pack, spans in self._shared.items()}

    def exclude(self, packs: Collection[PackRef]) -> None:
        """Never share from ``packs`` again. Nobody may add meanwhile."""
        self._index = self._index.excluding(packs)
        for pack in packs:
            self._shared.pop(pack, None)

    def _store(self, entry_id: bytes, kind: EntryType, data: Data, used_by: SpanKey) -> None:
        claims = self._claims
        if entry_id in claims:
            return
        found = self._index.find(entry_id)
        if found is not None:
            spans = self._shared.get(found.pack)
            if spans is None or used_by not in spans:
                with self._lock:
                    self._shared.setdefault(found.pack, set()).add(used_by)
            return
        mine = object()
        if claims.setdefault(entry_id, mine) is not mine:
            return  # another thread was first; it stores before the point is put
        self._uploads.add(code(entry_id, kind, data, self._zstd_level))
