"""What all wrappers share: every call goes through one method that a wrapper redefines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from kyanite.base.errors import StorageDenied
from kyanite.engine.storage.base import Data, ObjectInfo, Storage, Version, VersionedStorage

_Answer = TypeVar("_Answer")

WRITES: Final = frozenset({"put", "delete", "lock_until", "delete_version"})
ALL_CALLS: Final = WRITES | {
    "get",
    "get_range",
    "list",
    "size",
    "locked_until",
    "versions",
    "get_version",
    "get_version_range",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a storage: the name of the method, the object (or prefix), bytes sent."""

    operation: str
    name: str
    sent_bytes: int = 0
    data: Data | None = None


class StorageWrapper:
    """Passes everything on to ``inner``. Listings are read to their end inside the call."""

    def __init__(self, inner: Storage) -> None:
        self.inner = inner

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:  # noqa: ARG002
        """Make the call: ``act()``, which may be called again. Redefined by each wrapper."""
        return act()

    def put(self, name: str, data: Data) -> None:
        call = Call("put", name, memoryview(data).nbytes, data)
        self._around(call, lambda: self.inner.put(name, data))

    def get(self, name: str) -> bytes:
        return self._around(Call("get", name), lambda: self.inner.get(name))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        return self._around(
            Call("get_range", name), lambda: self.inner.get_range(name, offset, length)
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = self._around(Call("list", prefix), lambda: tuple(self.inner.list(prefix)))
        return iter(found)

    def delete(self, name: str) -> None:
        self._around(Call("delete", name), lambda: self.inner.delete(name))

    def size(self, name: str) -> int:
        return self._around(Call("size", name), lambda: self.inner.size(name))

    # Versions, where ``inner`` has them

    def keeps_versions(self) -> bool:
        return isinstance(self.inner, VersionedStorage) and self.inner.keeps_versions()

    def lock_until(self, name: str, until: datetime) -> None:
        inner = self._versioned()
        self._around(Call("lock_until", name), lambda: inner.lock_until(name, until))

    def locked_until(self, name: str) -> datetime | None:
        inner = self._versioned()
        return self._around(Call("locked_until", name), lambda: inner.locked_until(name))

    def versions(self, prefix: str) -> Iterator[Version]:
        inner = self._versioned()
        found = self._around(Call("versions", prefix), lambda: tuple(inner.versions(prefix)))
        return iter(found)

    def get_version(self, name: str, version_id: str) -> bytes:
        inner = self._versioned()
        return self._around(Call("get_version", name), lambda: inner.get_version(name, version_id))

    def get_version_range(self, name: str, version_id: str, offset: int, length: int) -> bytes:
        inner = self._versioned()
        return self._around(
            Call("get_version_range", name),
            lambda: inner.get_version_range(name, version_id, offset, length),
        )

    def delete_version(self, name: str, version_id: str) -> None:
        inner = self._versioned()
        self._around(Call("delete_version", name), lambda: inner.delete_version(name, version_id))

    def _versioned(self) -> VersionedStorage:
        if not isinstance(self.inner, VersionedStorage):
            raise no_versions()
        return self.inner


def no_versions() -> StorageDenied:
    """The error of a storage that keeps no versions and so cannot lock anything."""
    return StorageDenied(
        "This storage keeps no versions, so nothing can be locked or read as of a time; use a "
        "blob container with version-level immutability."
    )
