"""A storage as it was at a time, read through its versions; nothing can be changed in it.

Each name shows the newest version that was made by then. When something was deleted is not
known by every storage: what was deleted before that time is seen too, as long as its
version is kept. A repository does not mind: deleted points show up again, nothing is lost.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

from kyanite.base.errors import ObjectMissing, StorageDenied
from kyanite.engine.storage.base import Data, ObjectInfo, Version, VersionedStorage, check_name


class AsOfStorage:
    """Reads only. Versions are listed once for every folder that is looked into."""

    def __init__(self, inner: VersionedStorage, time: datetime) -> None:
        self._inner = inner
        self._time = time
        self._folders: dict[str, dict[str, Version]] = {}
        self._lock = threading.Lock()

    def put(self, name: str, data: Data) -> None:  # noqa: ARG002
        raise self._read_only(name)

    def delete(self, name: str) -> None:
        raise self._read_only(name)

    def get(self, name: str) -> bytes:
        return self._inner.get_version(name, self._version(name).version_id)

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        version = self._version(name)
        return self._inner.get_version_range(name, version.version_id, offset, length)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = self._newest(prefix)
        return iter([ObjectInfo(one.name, one.size_bytes, one.made_at) for one in found.values()])

    def size(self, name: str) -> int:
        return self._version(name).size_bytes

    def _version(self, name: str) -> Version:
        folder = check_name(name).rpartition("/")[0]
        # Names without a folder are few; asked one by one, so that not all is listed for them.
        prefix = f"{folder}/" if folder else name
        with self._lock:
            known = self._folders.get(prefix)
        if known is None:
            known = self._newest(prefix)
            with self._lock:
                self._folders[prefix] = known
        if name not in known:
            raise ObjectMissing(f"There was no object {name} at {self._time.isoformat()}.")
        return known[name]

    def _newest(self, prefix: str) -> dict[str, Version]:
        found: dict[str, Version] = {}
        for version in self._inner.versions(prefix):
            if version.made_at <= self._time:
                found[version.name] = version
        return found

    def _read_only(self, name: str) -> StorageDenied:
        return StorageDenied(
            f"{name} cannot be changed: the storage is seen as it was at {self._time.isoformat()}."
        )
