"""A folder with what was read of index segments: local, optional, deletable at any time.

Small segments are kept as they came, sealed. Of big ones, each piece that was read is kept
opened at the place where it lies in the object, so the files are sparse and are mapped
instead of read. Behind each piece stand 16 bytes of a hash, keyed by segment, name and
number of the piece: what is absent, old, of another segment or damaged does not pass.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from blake3 import blake3

from kyanite.engine.format import INDEX_PREFIX, TAG_BYTES
from kyanite.engine.storage.base import Data

_CHECK_BYTES: Final = TAG_BYTES  # takes the place of the tag, so offsets stay the same


class CachedObject:
    """The pieces of one object that were read before."""

    def __init__(self, path: Path, view: mmap.mmap, key: bytes) -> None:
        self._path = path
        self._key = key
        self.view = view

    def holds(self, number: int, offset: int, length: int) -> bool:
        """Whether the ``length`` plain bytes at ``offset`` are the piece of that number."""
        plain = self.view[offset : offset + length]
        check = self.view[offset + length : offset + length + _CHECK_BYTES]
        return check == self._check(number, plain)

    def keep(self, number: int, offset: int, plain: Data) -> None:
        """Write a piece; what cannot be written is not kept."""
        # Not through the map: on a full disk that would end the process.
        with suppress(OSError):
            handle = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW)
            try:
                os.pwrite(handle, bytes(plain) + self._check(number, plain), offset)
            finally:
                os.close(handle)

    def _check(self, number: int, plain: Data) -> bytes:
        return blake3(number.to_bytes(8, "little") + plain, key=self._key).digest(_CHECK_BYTES)


class IndexCache:
    """The folder of one repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._usable = True
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            self._usable = False

    def keep_only(self, names: Collection[str]) -> None:
        """Forget objects that are not in the repository any more."""
        wanted = {self._path(name).name for name in names}
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in wanted:
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
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                if os.fstat(handle).st_size != size_bytes:
                    # Another process may have mapped it: never cut it short, make a new one.
                    os.close(handle)
                    path.unlink(missing_ok=True)
                    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                    os.ftruncate(handle, size_bytes)
                view = mmap.mmap(handle, size_bytes, prot=mmap.PROT_READ)
            finally:
                os.close(handle)
        except (OSError, ValueError):
            return None
        return CachedObject(path, view, key)

    def _path(self, name: str) -> Path:
        return self._folder / name.removeprefix(INDEX_PREFIX)
