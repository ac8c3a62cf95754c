"""A folder with what was read of index segments: local, optional, deletable at any time.

Small segments are kept as they came, sealed. Of big ones, each piece that was read is kept
opened at the place where it lies in the object, so the files are sparse and are mapped
instead of read. Behind each piece stand 16 bytes of a hash, keyed by segment, name and
number of the piece: what is absent, old, of another segment or damaged does not pass.

A program says once where its caches are (``keep_caches_in``); without that there are none.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final

from blake3 import blake3

from kyanite.base.units import GIB
from kyanite.engine.format import INDEX_PREFIX, TAG_BYTES
from kyanite.engine.storage.base import Data

_CHECK_BYTES: Final = TAG_BYTES  # takes the place of the tag, so offsets stay the same
_MOST_BYTES: Final = 16 * GIB  # of the index of one repository; that of 100 TB has 9 GB
_STAT_BLOCK_BYTES: Final = 512

CACHE_VARIABLE: Final = "KYANITE_CACHE"
"""Names the folder of caches to programs that have no data folder."""

_places: list[Path] = []


def keep_caches_in(folder: Path | None) -> None:
    """Every index that this process reads is cached below ``folder``, by repository."""
    _places[:] = [] if folder is None else [folder]


def caches_folder() -> Path | None:
    """Where the caches of this process are."""
    return _places[0] if _places else None


def cache_of(repository_id: bytes) -> IndexCache | None:
    """The cache of a repository, where the process keeps any."""
    folder = caches_folder()
    return IndexCache(folder / repository_id.hex()) if folder is not None else None


class CachedObject:
    """The pieces of one object that were read before."""

    def __init__(self, file: FileIO, view: mmap.mmap, key: bytes) -> None:
        """``file`` is closed with this object."""
        self._file = file
        self._key = key
        self.view = view

    def __del__(self) -> None:
        self._file.close()

    def holds(self, number: int, offset: int, length: int) -> bool:
        """Whether the ``length`` plain bytes at ``offset`` are the piece of that number."""
        plain = self.view[offset : offset + length]
        check = self.view[offset + length : offset + length + _CHECK_BYTES]
        return check == self._check(number, plain)

    def keep(self, number: int, offset: int, plain: Data) -> None:
        """Write a piece; what cannot be written is not kept."""
        # Not through the map: on a full disk that would end the process.
        with suppress(OSError):
            data = bytes(plain) + self._check(number, plain)
            os.pwrite(self._file.fileno(), data, offset)

    def _check(self, number: int, plain: Data) -> bytes:
        return blake3(number.to_bytes(8, "little") + plain, key=self._key).digest(_CHECK_BYTES)


class IndexCache:
    """The folder of one repository."""

    def __init__(self, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._usable = True
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            self._usable = False

    def keep_only(self, names: Collection[str]) -> None:
        """Forget objects that are not in the repository any more; and, where the others take
        too much room, those that nothing was added to for the longest time."""
        wanted = {self._path(name).name for name in names}
        kept: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in wanted:
                    path.unlink(missing_ok=True)
                    continue
                found = path.stat()
                kept.append((found.st_mtime, found.st_blocks * _STAT_BLOCK_BYTES, path))
            room = self._most_bytes
            for _, size, path in sorted(kept, reverse=True):
                room -= size
                if room < 0:
                    path.unlink(missing_ok=True)

    def whole(self, name: str) -> bytes | None:
        """The sealed bytes of a small object, which the caller opens and so checks."""
        try:
            return self._path(name).read_bytes()
        except OSError:
            return None

    def keep_whole(self, name: str, data: bytes) -> None:
        """Keep the sealed bytes of a small object."""
        if not self._usable:
            return
        path = self._path(name)
        fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            fresh.rename(path)
        except OSError:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def open(self, name: str, size_bytes: int, key: bytes) -> CachedObject | None:
        """The pieces of a big object; ``None`` if there is no cache to be had."""
        if not self._usable:
            return None
        path = self._path(name)
        try:
            file = _open(path)
            if os.fstat(file.fileno()).st_size != size_bytes:
                # Another process may have mapped it: never cut it short, make a new one.
                path.unlink(missing_ok=True)
                file = _open(path)
                file.truncate(size_bytes)
            view = mmap.mmap(file.fileno(), size_bytes, prot=mmap.PROT_READ)
        except (OSError, ValueError):
            return None
        return CachedObject(file, view, key)

    def _path(self, name: str) -> Path:
        return self._folder / name.removeprefix(INDEX_PREFIX)


def _open(path: Path) -> FileIO:
    """A file for its owner only."""
    return FileIO(path, "r+", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
