"""A storage in memory: for tests, and as the plainest reading of the Protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import ObjectExists, ObjectMissing
from kyanite.engine.storage.base import Data, ObjectInfo, check_name
from kyanite.engine.storage.streaming import BytesStream, ByteStream


class MemoryStorage:
    """Objects in a dictionary."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = clock or SystemClock()
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._lock = threading.RLock()

    def put(self, name: str, data: Data) -> None:
        copy = bytes(data)
        with self._lock:
            if check_name(name) in self._objects:
                raise ObjectExists(f"{name} exists already.")
            self._objects[name] = (copy, self._clock.now())

    def get(self, name: str) -> bytes:
        with self._lock:
            found = self._objects.get(check_name(name))
        if found is None:
            raise ObjectMissing(f"There is no object {name}.")
        return found[0]

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        data = self.get(name)
        start = max(0, len(data) + offset) if offset < 0 else offset
        return data[start : start + length]

    def open_range(self, name: str, offset: int, length: int) -> ByteStream:
        return BytesStream(memoryview(self.get(name))[offset : offset + length])

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            found = [
                ObjectInfo(name, len(data), modified_at)
                for name, (data, modified_at) in self._objects.items()
                if name.startswith(prefix)
            ]
        return iter(sorted(found, key=lambda info: info.name))

    def delete(self, name: str) -> None:
        with self._lock:
            self._objects.pop(check_name(name), None)

    def size(self, name: str) -> int:
        return len(self.get(name))

    def overwrite(self, name: str, data: bytes) -> None:
        """Change an object behind the engine's back, as an attacker or a bad disk would."""
        with self._lock:
            self._objects[name] = (data, self._clock.now())

    def copy(self) -> MemoryStorage:
        """The same objects in a storage of their own."""
        other = MemoryStorage(self._clock)
        with self._lock:
            other._objects = dict(self._objects)
        return other
