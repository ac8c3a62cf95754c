"""A storage in a folder of a local file system.

Durable means: the file's bytes are on the disk before it gets its name, and the folder
that holds the name (and every folder made for it) is on the disk before ``put`` returns.
A file without a name (O_TMPFILE) becomes an object by ``link``, which never replaces
anything; a crash leaves nothing. Where the file system has no O_TMPFILE, a temporary
name is used, and ``remove_leftovers`` clears what a crash leaves.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kyanite.base.errors import (
    ObjectExists,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from kyanite.base.file_space import set_aside
from kyanite.engine.storage.base import Data, ObjectInfo, check_name
from kyanite.engine.storage.streaming import ByteStream

_PART: Final = ".part-"  # object names never start with a dot
_UNSUPPORTED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
_TRIES: Final = 5  # a folder may be removed as empty between its opening and the link


class FolderStorage:
    """Objects are files below ``root``; ``root`` is made when the first one is put."""

    def __init__(self, root: Path, unnamed_files: bool = True) -> None:
        """``unnamed_files`` false: do as on a file system that has none."""
        self._root = root
        self._unnamed_files = unnamed_files

    def put(self, name: str, data: Data) -> None:
        path = self._path(name)
        for left in reversed(range(_TRIES)):
            try:
                self._put(path, data)
                return
            except FileExistsError:
                raise ObjectExists(f"{name} exists already in {self._root}.") from None
            except OSError as error:
                if left and isinstance(error, FileNotFoundError):
                    continue
                if isinstance(error, FileNotFoundError | NotADirectoryError):
                    raise StorageDenied(
                        f"No folder can be made for {name} in {self._root}: {error.strerror}."
                    ) from error
                raise explained(error, name, self._root) from error

    def get(self, name: str) -> bytes:
        path = self._path(name)
        try:
            with path.open("rb", buffering=0) as file:
                return file.readall()
        except OSError as error:
            raise explained(error, name, self._root) from error

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        try:
            return read_range(self._path(name), offset, length)
        except OSError as error:
            raise explained(error, name, self._root) from error

    def open_range(self, name: str, offset: int, length: int) -> ByteStream:
        try:
            # A restore opens thousands of packs: a Path of each would cost as much as opening it.
            file = os.open(f"{self._root}/{check_name(name)}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise explained(error, name, self._root) from error
        return _FileStream(file, offset, length, lambda error: explained(error, name, self._root))

    def reads_in_place(self) -> bool:
        return True

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder, _, start = prefix.rpartition("/")
        top = self._root / folder if folder else self._root
        try:
            found = sorted(
                _walk(top, f"{folder}/" if folder else "", start), key=lambda info: info.name
            )
        except OSError as error:
            raise explained(error, prefix, self._root) from error
        return iter(found)

    def delete(self, name: str) -> None:
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise explained(error, name, self._root) from error
        self._drop_empty_folder(path.parent)

    def size(self, name: str) -> int:
        try:
            return self._path(name).stat().st_size
        except OSError as error:
            raise explained(error, name, self._root) from error

    def remove_leftovers(self) -> int:
        """Remove temporary files that no living process writes; returns how many."""
        removed = 0
        for path in self._root.rglob(f"{_PART}*"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
        return removed

    def _drop_empty_folder(self, path: Path) -> None:
        """Folders are no objects; one that is not empty, or in use again, stays."""
        with contextlib.suppress(OSError):
            if path != self._root:
                path.rmdir()

    def _path(self, name: str) -> Path:
        return self._root / check_name(name)

    def _put(self, path: Path, data: Data) -> None:
        folder = self._open_folder(path.parent)
        try:
            self._write(folder, path, data)
            os.fsync(folder)
        finally:
            os.close(folder)

    def _open_folder(self, path: Path) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            self._make_folder(path)
            return os.open(path, flags)

    def _make_folder(self, path: Path) -> None:
        """Make ``path`` and what is missing above it, each durable in its parent."""
        if not path.parent.exists():
            self._make_folder(path.parent)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _write(self, folder: int, path: Path, data: Data) -> None:
        if self._unnamed_files:
            try:
                file = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                self._unnamed_files = False
            else:
                with os.fdopen(file, "wb", buffering=0) as out:
                    _write_all(out.fileno(), data)
                    os.link(
                        f"/proc/self/fd/{out.fileno()}",
                        path.name,
                        dst_dir_fd=folder,
                        follow_symlinks=True,
                    )
                return
        part = f"{_PART}{os.urandom(8).hex()}"
        file = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _write_all(file, data)
            os.link(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)
            os.close(file)


def _walk(top: Path, above: str, start: str) -> Iterator[ObjectInfo]:
    """Objects below ``top`` whose first name begins with ``start``; ``above`` stands before it."""
    try:
        entries = os.scandir(top)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if not entry.name.startswith(start) or entry.name.startswith("."):
                continue
            name = above + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(top / entry.name, f"{name}/", "")
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # deleted while we list
            modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
            yield ObjectInfo(name, status.st_size, modified_at)


def _write_all(file: int, data: Data) -> None:
    rest = memoryview(data).cast("B")
    set_aside(file, 0, len(rest))
    while len(rest):
        rest = rest[os.write(file, rest) :]
    os.fsync(file)


def read_range(path: Path, offset: int, length: int) -> bytes:
    """Bytes of a file as ``Storage.get_range`` counts them. Raises ``OSError``."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if offset < 0:
            offset = max(0, os.fstat(file).st_size + offset)
        return _read_exactly(file, offset, length)
    finally:
        os.close(file)


def _read_exactly(file: int, offset: int, length: int) -> bytes:
    data = os.pread(file, length, offset)
    while len(data) < length:
        more = os.pread(file, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


class _FileStream:
    """A range of an open file, which it closes."""

    def __init__(
        self, file: int, offset: int, length: int, explain: Callable[[OSError], StorageError]
    ) -> None:
        self._file = file
        self._at = offset
        self._end = offset + length
        self._explain = explain

    def read_into(self, buffer: memoryview) -> int:
        view = buffer[: self._end - self._at]
        filled = 0
        try:
            while filled < len(view):
                count = os.preadv(self._file, [view[filled:]], self._at)
                if not count:
                    break
                filled += count
                self._at += count
        except OSError as error:
            raise self._explain(error) from error
        return filled

    def skip(self, count: int) -> None:
        self._at = min(self._at + count, self._end)

    def close(self) -> None:
        os.close(self._file)


def explained(error: OSError, name: str, root: Path) -> StorageError:
    """The error of the storage for one of the file system: what, where and what next."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ObjectMissing(f"There is no object {name} in {root}.")
    reason = error.strerror or str(error)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageDenied(f"{name} in {root}: {reason}. Check the rights on the folder.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageUnavailable(
            f"{root} is full: {name} could not be stored ({reason}). Make room and run it again; "
            "what is stored already is not sent again."
        )
    return StorageUnavailable(f"{name} in {root}: {reason}.")
