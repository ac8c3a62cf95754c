"""Chunks that were read lately, and those that are on their way: each is fetched once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from kyanite.engine.storage.base import Data


class ChunkCache:
    """Bounded by bytes; what was used longest ago goes first. Thread-safe."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[bytes, Data] = OrderedDict()
        self._held_bytes = 0
        self._coming: dict[bytes, Future[Data]] = {}
        self._lock = threading.Lock()

    def take(self, chunk_id: bytes) -> tuple[Future[Data], bool]:
        """The chunk, now or later; true if it is the caller's to fetch and ``give``."""
        with self._lock:
            coming = self._coming.get(chunk_id)
            if coming is not None:
                return coming, False
            future: Future[Data] = Future()
            data = self._held.get(chunk_id)
            if data is not None:
                self._held.move_to_end(chunk_id)
                future.set_result(data)
                return future, False
            self._coming[chunk_id] = future
            return future, True

    def give(self, chunk_id: bytes, data: Data) -> None:
        """What was fetched."""
        with self._lock:
            future = self._coming.pop(chunk_id)
            self._held[chunk_id] = data
            self._held_bytes += len(data)
            while self._held_bytes > self._most_bytes and len(self._held) > 1:
                _, gone = self._held.popitem(last=False)
                self._held_bytes -= len(gone)
        future.set_result(data)

    def fail(self, chunk_id: bytes, error: BaseException) -> None:
        """It could not be fetched; who asks next tries again."""
        with self._lock:
            future = self._coming.pop(chunk_id, None)
        if future is not None:
            future.set_exception(error)
