"""The index of a session's packs, put while the session runs.

A terabyte of new data has records of half a gigabyte: they are put in segments as soon as
there is one of the usual size, and the rest before the point. A segment of a session that
never commits is as harmless as one of a session that ended between index and point
(docs/format/order.md, "Backup").
"""

from __future__ import annotations

import threading

from kyanite.engine.index import PUT_RECORDS, put_segment
from kyanite.engine.pack import PackTable
from kyanite.engine.storage.base import Storage


class SessionIndex:
    """Takes the tables of packs that are durable. Thread-safe."""

    def __init__(
        self,
        storage: Storage,
        maintenance_key: bytes,
        repository_id: bytes,
        put_records: int = PUT_RECORDS,
    ) -> None:
        self._storage = storage
        self._keys = (maintenance_key, repository_id)
        self._put_records = put_records
        self._lock = threading.Lock()
        self._waiting: list[PackTable] = []
        self._records = 0
        self.size_bytes = 0
        """Of all packs that were added."""

    def add(self, table: PackTable) -> None:
        """Raises what the storage raises, if a segment is due."""
        with self._lock:
            self.size_bytes += table.size_bytes
            due: list[PackTable] = []
            if self._waiting and self._records + len(table) > self._put_records:
                due = self._take()
            self._waiting.append(table)
            self._records += len(table)
        self._put(due)

    def finish(self) -> None:
        """Put what is left. Everything that was added is in the index then."""
        with self._lock:
            due = self._take()
        self._put(due)

    def _take(self) -> list[PackTable]:
        taken, self._waiting = self._waiting, []
        self._records = 0
        return taken

    def _put(self, tables: list[PackTable]) -> None:
        if tables:
            put_segment(self._storage, tables, *self._keys)
