"""Where the copies of an entry are, for readers: the index, read anew once if it is out of date.

A reader loads the index and then works for hours; meanwhile cleaning may move a chunk to
another pack. The first thing that is missing makes it look again, once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence

from kyanite.engine.damage_notes import read_notes
from kyanite.engine.format import EntryType
from kyanite.engine.index import Index, load_index
from kyanite.engine.index_location import Location
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import together

_NOTHING: frozenset[PackRef] = frozenset()


class Copies:
    """Finds entries. ``banned``: packs whose chunks count as missing, whatever is in them."""

    def __init__(
        self,
        load: Callable[[], Index],
        index: Index | None = None,
        banned: Collection[object] = _NOTHING,
    ) -> None:
        self._load = load
        self._index = load() if index is None else index
        self._banned = banned
        self._lock = threading.Lock()
        self._reloaded = False

    def find_all(self, entry_id: bytes) -> list[Location]:
        """Every copy that may be read."""
        return self._allowed(list(self._index.find_all(entry_id)))

    def find_all_many(self, entry_ids: Sequence[bytes]) -> list[list[Location]]:
        """``find_all`` for each id, in order."""
        return [self._allowed(found) for found in self._index.find_all_many(entry_ids)]

    def find_named_many(
        self, wanted: Sequence[tuple[bytes, PackNumber | None]]
    ) -> list[list[Location]]:
        """Of each id a copy in the pack that is named, if it may be read, or else every copy."""
        return [
            self._allowed(found) or self.find_all(entry_id)
            for (entry_id, _), found in zip(
                wanted, self._index.find_named_many(wanted), strict=True
            )
        ]

    def find_again(self, entry_id: bytes) -> list[Location]:
        """The same by an index that was loaded after something was missing."""
        with self._lock:
            if not self._reloaded:
                self._index = self._load()
                self._reloaded = True
        return self.find_all(entry_id)

    def _allowed(self, found: list[Location]) -> list[Location]:
        if not self._banned:
            return found
        return [
            location
            for location in found
            if location.entry_type != EntryType.CHUNK or location.pack not in self._banned
        ]


def open_copies(
    storage: Storage, maintenance_key: bytes, repository_id: bytes, index: Index | None = None
) -> Copies:
    """The index of a repository for readers, without what was excised."""

    def load() -> Index:
        return load_index(storage, maintenance_key, repository_id)

    loaded, (note, _) = together(
        lambda: load() if index is None else index,
        # A note that cannot be read must not stand in the way of a restore.
        lambda: read_notes(storage, maintenance_key, repository_id, skip_damaged=True),
    )
    return Copies(load, loaded, note.excised)
