"""Disk images and block devices on this machine, as source and target."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from types import TracebackType

from kyanite.base.errors import Conflict, Invalid
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.storage.base import Data


class ImageSource:
    """An image file or block device that is read. Raises ``Invalid`` if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Invalid(f"The image {path} cannot be read: {error.strerror}.") from None
        self.size_bytes = os.lseek(self._file, 0, os.SEEK_END)

    def __enter__(self) -> ImageSource:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        os.close(self._file)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            got = os.preadv(self._file, [buffer[done:]], offset + done)
            if not got:
                raise Conflict(
                    f"The image {self._path} ended at {offset + done} while it was read; it must "
                    "not change during a backup. Nothing was committed."
                )
            done += got

    def allocated(self) -> RangeList:
        """What the file system says may hold data; everything where it does not know."""
        ranges: list[ByteRange] = []
        at = 0
        while at < self.size_bytes:
            try:
                start = os.lseek(self._file, at, os.SEEK_DATA)
                at = os.lseek(self._file, start, os.SEEK_HOLE)
            except OSError as error:
                if error.errno == errno.ENXIO:  # only a hole is left
                    break
                return RangeList.whole(self.size_bytes)
            ranges.append(ByteRange(start, at - start))
        return RangeList(ranges)


class ImageTarget:
    """A file that does not exist yet, or, if asked for, a block device that is overwritten."""

    def __init__(self, path: Path, size_bytes: int, overwrite: bool) -> None:
        """Raises ``Conflict`` if ``path`` exists and may not be overwritten, or is too small."""
        self._path = path
        self.is_device = False
        if overwrite and path.exists():
            self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            mode = os.fstat(self._file).st_mode
            self.is_device = stat.S_ISBLK(mode)
            if not self.is_device:
                os.close(self._file)
                raise Conflict(f"{path} exists and is no block device; remove it first.")
            if os.lseek(self._file, 0, os.SEEK_END) < size_bytes:
                os.close(self._file)
                raise Conflict(f"{path} is smaller than the disk ({size_bytes} bytes).")
            return
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o600)
        except FileExistsError:
            raise Conflict(f"{path} exists already; choose another name.") from None
        os.ftruncate(self._file, size_bytes)

    def write(self, offset: int, data: Data) -> None:
        rest = memoryview(data)
        while len(rest):
            done = os.pwrite(self._file, rest, offset)
            rest, offset = rest[done:], offset + done

    def write_zeros(self, offset: int, length: int) -> None:
        """Make a run of a device read as zeros."""
        zeros = bytes(min(length, 1 << 20))
        while length:
            part = min(length, len(zeros))
            self.write(offset, zeros[:part])
            offset, length = offset + part, length - part

    def finish(self) -> None:
        """Wait until everything is on the disk."""
        os.fsync(self._file)
        os.close(self._file)

    def give_up(self) -> None:
        """Close; remove a file that is not complete."""
        os.close(self._file)
        if not self.is_device:
            self._path.unlink(missing_ok=True)
