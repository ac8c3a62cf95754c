"""Where ``kyanite repo restore`` writes: a new file, or a block device that is overwritten.

A file grows under the name OUT.partial and gets its own name when it is complete. Beside it
OUT.partial.json says what is there, so that the same command goes on where it ended.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kyanite.base.errors import Conflict, KyaniteError
from kyanite.base.file_space import set_aside
from kyanite.base.json_types import JsonObject
from kyanite.base.units import KIB, MIB, SECTOR_BYTES
from kyanite.cli.repo.restore_state import Done, RestoreState
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.storage.base import Data

_SAVE_BYTES: Final = 4096 * MIB
_SAVE_SECONDS: Final = 10.0
_ZEROS: Final = bytes(MIB)
_LEAST_SET_ASIDE_BYTES: Final = 256 * KIB
_MOST_PARTS: Final = 1024  # of one call of pwritev


class ImageTarget:
    """Takes a part of a disk. ``already``: what an earlier attempt has written.

    The states of an attempt: written to, then ``finish`` or ``keep``.
    """

    def __init__(
        self, path: Path, part: ByteRange, identity: JsonObject, overwrite: bool = False
    ) -> None:
        """``part``: of the disk; its first byte is the first of the file.

        Raises ``Conflict`` if ``path`` exists and may not be overwritten or is too small, or
        if what is there is of another restore.
        """
        self._path = path
        self._part = part
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._unsaved_bytes = 0
        self._saved_at = time.monotonic()
        self.is_device = overwrite and path.exists()
        self._state: RestoreState | None = None
        if self.is_device:
            self._work_path = path
            self._file = _open_device(path, part.length)
        else:
            if os.path.lexists(path):
                raise Conflict(f"{path} exists already; choose another name.")
            self._work_path = path.with_name(path.name + ".partial")
            beside = path.with_name(path.name + ".partial.json")
            self._state = RestoreState(beside, identity, part.end)
            self._file = self._open_file()
        try:
            self.already = self._find_state()
        except BaseException as error:
            if not self.is_device and not os.fstat(self._file).st_size:
                self._work_path.unlink(missing_ok=True)  # made just now, or empty as well
                if isinstance(error, OSError) and self._state is not None:
                    self._state.remove()
            os.close(self._file)
            if isinstance(error, OSError):
                raise explained(self._path, error) from None
            raise
        self._done = Done(self.already)

    def expect(self, offset: int, length: int) -> None:
        """All of a range of the disk will be written: its space is asked for at once."""
        if not self.is_device and length >= _LEAST_SET_ASIDE_BYTES:
            set_aside(self._file, offset - self._part.offset, length)

    def write(self, offset: int, data: Data) -> None:
        """Write at an offset of the disk. Raises ``Conflict`` if the space is used up."""
        self._put(offset - self._part.offset, [data])
        self._count(offset, memoryview(data).nbytes)

    def write_all(self, offset: int, parts: Sequence[Data]) -> None:
        """Write ``parts`` one behind the other, as ``write``."""
        self._put(offset - self._part.offset, parts)
        self._count(offset, sum(memoryview(part).nbytes for part in parts))

    def _count(self, offset: int, size: int) -> None:
        """So much more is written; noted for a later attempt from time to time."""
        with self._lock:
            self._done.add(offset, size)
            self._unsaved_bytes += size
            due = (
                self._unsaved_bytes >= _SAVE_BYTES
                or time.monotonic() - self._saved_at >= _SAVE_SECONDS
            )
        if due and self._saving.acquire(blocking=False):
            try:
                self._save()
            finally:
                self._saving.release()

    def fileno(self) -> int:
        """The open file."""
        return self._file

    def write_zeros(self, offset: int, length: int) -> None:
        """Make a run of a device read as zeros."""
        while length:
            part = min(length, len(_ZEROS))
            self._put(offset - self._part.offset, [_ZEROS[:part]])
            offset, length = offset + part, length - part

    def finish(self, footer: Callable[[int], bytes] | None = None, sync: bool = True) -> None:
        """The file gets its name; with ``sync``, and for devices, when all is on the disk.

        ``footer``: what stands behind the image, made from its size in whole sectors.
        """
        if footer is not None:
            size = -(-self._part.length // SECTOR_BYTES) * SECTOR_BYTES
            self._put(size, [footer(size)])
        if sync or self.is_device:
            os.fsync(self._file)
        if not self.is_device:
            give_name(self._work_path, self._path, durable=sync)
        os.close(self._file)
        if self._state is not None:
            self._state.remove()

    def keep(self) -> str:
        """Close after a failure. Returns what to tell of it: a sentence, or nothing."""
        try:
            kept = len(self._done.ranges()) > 0 and self._state is not None
            if kept:
                self._save()
        except (OSError, Conflict):
            kept = self.already != RangeList.empty()  # what was saved before is still true
        os.close(self._file)
        if kept:
            return (
                f"What was restored is kept in {self._work_path}; the same command goes on there."
            )
        if self._state is not None:
            self._state.remove()
            self._work_path.unlink(missing_ok=True)
        return ""

    def _put(self, at: int, parts: Sequence[Data]) -> None:
        rest = [memoryview(part) for part in parts]
        while rest:
            try:
                done = os.pwritev(self._file, rest[:_MOST_PARTS], at)
            except OSError as error:
                raise explained(self._path, error) from None
            at += done
            while rest and done >= len(rest[0]):
                done -= len(rest.pop(0))
            if done:
                rest[0] = rest[0][done:]

    def _save(self) -> None:
        """Everything written so far is made durable first, and noted then."""
        with self._lock:
            done = self._done.ranges()
            self._unsaved_bytes = 0
            self._saved_at = time.monotonic()
        if self._state is not None:
            try:
                os.fdatasync(self._file)
                self._state.save(done)
            except OSError as error:
                raise explained(self._path, error) from None

    def _open_file(self) -> int:
        file = os.open(self._work_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise Conflict(f"Another restore is writing {self._work_path}.") from None
        return file

    def _find_state(self) -> RangeList:
        if self._state is None:
            return RangeList.empty()
        found = self._state.load()
        before = os.fstat(self._file).st_size
        if found is None or before < self._part.length:
            if before and found is None:
                raise Conflict(
                    f"{self._work_path} exists, and nothing says what is in it; remove it, or "
                    "choose another name."
                )
            found = RangeList.empty()
        if not found:
            self._state.save(found)  # before the file has any size: see above
        os.ftruncate(self._file, self._part.length)
        return found


def _open_device(path: Path, size_bytes: int) -> int:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    if not stat.S_ISBLK(os.fstat(file).st_mode):
        os.close(file)
        raise Conflict(f"{path} exists and is no block device; remove it first.")
    if os.lseek(file, 0, os.SEEK_END) < size_bytes:
        os.close(file)
        raise Conflict(f"{path} is smaller than what is restored ({size_bytes} bytes).")
    return file


def explained(path: Path, error: OSError) -> KyaniteError:
    """What to tell of a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Conflict(
            f"There is no room for {path}: {error.strerror}. Make room and run the "
            "same command again."
        )
    return Conflict(f"{path} cannot be written: {error.strerror}.")


def give_name(work_path: Path, path: Path, durable: bool) -> None:
    """Rename, but never over anything that has come there meanwhile.

    ``durable``: the name is on the disk when this returns; the bytes should be there before.
    """
    try:
        os.link(work_path, path)
        os.unlink(work_path)
    except FileExistsError:
        raise Conflict(
            f"{path} has come into being meanwhile; the restored disk is {work_path}."
        ) from None
    except OSError:  # a file system without links
        os.rename(work_path, path)
    if not durable:
        return
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
