"""A folder that keeps versions and locks: what a blob container does, for tests and rehearsals.

Deleted states stand in ``.versions/<name>/@<version id>``, ends of locks in
``.locks/<name>/@<version id>``. It guards against mistakes of the program, not against
somebody who may write the folder: only a storage that refuses can do that.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import ObjectLocked, ObjectMissing, StorageDenied
from kyanite.engine.storage.base import Data, ObjectInfo, Version, check_name
from kyanite.engine.storage.folder import FolderStorage, explained, read_range

VERSIONS_FOLDER: Final = ".versions"
_LOCKS_FOLDER: Final = ".locks"
_MARK: Final = "@"  # no object name has one


class VersionedFolderStorage(FolderStorage):
    """A ``FolderStorage`` whose ``delete`` hides. A version is known by its time of making."""

    def __init__(self, root: Path, unnamed_files: bool = True, clock: Clock | None = None) -> None:
        super().__init__(root, unnamed_files)
        self._clock: Clock = clock or SystemClock()

    def keeps_versions(self) -> bool:
        return True

    def put(self, name: str, data: Data) -> None:
        super().put(name, data)
        earlier = self._old_ids(name)
        if earlier and earlier[-1] >= self._current_id(name):  # the clock of files is coarse
            later = int(earlier[-1]) + 1
            os.utime(self._path(name), ns=(later, later))

    def delete(self, name: str) -> None:
        path = self._path(name)
        with contextlib.suppress(ObjectMissing):
            self._refuse_locked(name, self._current_id(name))
        self._hide(name, path)

    def overwrite(self, name: str, data: Data) -> None:
        """Write over an object, as an owner of the storage may: the old state stays hidden."""
        self._hide(name, self._path(name))
        self.put(name, data)

    def _hide(self, name: str, path: Path) -> None:
        try:
            version_id = _version_id(path.stat())
            old = self._old(name, version_id)
            old.parent.mkdir(parents=True, exist_ok=True)
            path.rename(old)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise explained(error, name, self._root) from error
        self._drop_empty_folder(path.parent)

    def lock_until(self, name: str, until: datetime) -> None:
        found = self.locked_until(name)
        if found is not None and found >= until:
            return
        path = self._lock_file(name, self._current_id(name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".part-{secrets.token_hex(8)}")
            part.write_text(until.astimezone(UTC).isoformat())
            part.rename(path)
        except OSError as error:
            raise explained(error, name, self._root) from error

    def locked_until(self, name: str) -> datetime | None:
        return self._lock_of(name, self._current_id(name))

    def versions(self, prefix: str) -> Iterator[Version]:
        found: list[Version] = []
        for info in self.list(prefix):
            with contextlib.suppress(ObjectMissing):  # deleted while we list
                found.append(self._version(info, self._current_id(info.name), True))
        top = self._root / VERSIONS_FOLDER
        for path in top.rglob(f"{_MARK}*"):
            name = path.parent.relative_to(top).as_posix()
            if name.startswith(prefix):
                status = path.stat()
                made_at = datetime.fromtimestamp(status.st_mtime, UTC)
                info = ObjectInfo(name, status.st_size, made_at)
                found.append(self._version(info, path.name.removeprefix(_MARK), False))
        return iter(sorted(found, key=lambda one: (one.name, one.version_id)))

    def get_version(self, name: str, version_id: str) -> bytes:
        try:
            return self._place(name, version_id).read_bytes()
        except OSError as error:
            raise explained(error, name, self._root) from error

    def get_version_range(self, name: str, version_id: str, offset: int, length: int) -> bytes:
        try:
            return read_range(self._place(name, version_id), offset, length)
        except OSError as error:
            raise explained(error, name, self._root) from error

    def delete_version(self, name: str, version_id: str) -> None:
        with contextlib.suppress(ObjectMissing):
            if self._current_id(name) == version_id:
                raise StorageDenied(f"{name}: the current version cannot be removed.")
        self._refuse_locked(name, version_id)
        place = self._old(name, version_id)
        place.unlink(missing_ok=True)
        self._drop_empty_folder(place.parent)
        self._lock_file(name, version_id).unlink(missing_ok=True)

    def _refuse_locked(self, name: str, version_id: str) -> None:
        until = self._lock_of(name, version_id)
        if until is not None and until > self._clock.now():
            raise ObjectLocked(f"{name} is locked until {until.isoformat()}.")

    def _version(self, info: ObjectInfo, version_id: str, current: bool) -> Version:
        lock = self._lock_of(info.name, version_id)
        return Version(info.name, version_id, info.size_bytes, info.modified_at, current, lock)

    def _current_id(self, name: str) -> str:
        try:
            return _version_id(self._path(name).stat())
        except OSError as error:
            raise explained(error, name, self._root) from error

    def _place(self, name: str, version_id: str) -> Path:
        old = self._old(name, version_id)
        if old.exists():
            return old
        with contextlib.suppress(ObjectMissing):
            if self._current_id(name) == version_id:
                return self._path(name)
        raise ObjectMissing(f"There is no version {version_id} of {name} in {self._root}.")

    def _old(self, name: str, version_id: str) -> Path:
        return self._root / VERSIONS_FOLDER / check_name(name) / f"{_MARK}{version_id}"

    def _old_ids(self, name: str) -> list[str]:
        found = (self._root / VERSIONS_FOLDER / name).glob(f"{_MARK}*")
        return sorted(path.name.removeprefix(_MARK) for path in found)

    def _lock_file(self, name: str, version_id: str) -> Path:
        return self._root / _LOCKS_FOLDER / check_name(name) / f"{_MARK}{version_id}"

    def _lock_of(self, name: str, version_id: str) -> datetime | None:
        try:
            return datetime.fromisoformat(self._lock_file(name, version_id).read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None


def _version_id(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:020}"
