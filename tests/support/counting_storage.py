"""Counts what is asked of a storage: requests and bytes, by operation."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

from kyanite.engine.storage.base import Data, ObjectInfo, Storage


class CountingStorage:
    """``requests`` and ``bytes_moved`` by operation name (``put``, ``get``, …)."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.bytes_moved: Counter[str] = Counter()

    def put(self, name: str, data: Data) -> None:
        self._count("put", len(data))
        self._inner.put(name, data)

    def get(self, name: str) -> bytes:
        data = self._inner.get(name)
        self._count("get", len(data))
        return data

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        data = self._inner.get_range(name, offset, length)
        self._count("get_range", len(data))
        return data

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._count("list", 0)
        return self._inner.list(prefix)

    def delete(self, name: str) -> None:
        self._count("delete", 0)
        self._inner.delete(name)

    def size(self, name: str) -> int:
        self._count("size", 0)
        return self._inner.size(name)

    def _count(self, operation: str, size_bytes: int) -> None:
        with self._lock:
            self.requests[operation] += 1
            self.bytes_moved[operation] += size_bytes
