"""Disk images and block devices on this machine that are backed up."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import Final

from kyanite.base.errors import Conflict, Invalid
from kyanite.base.units import MIB
from kyanite.engine.ranges import ByteRange, RangeList

# Read ahead before the work begins: about what is read while a password is stretched.
_EXPECTED_BYTES: Final = 64 * MIB


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

    def expect(self, ranges: RangeList) -> None:
        """These will be read soon: the system may fetch the first of them already."""
        left = _EXPECTED_BYTES
        for one in ranges:
            if left <= 0:
                break
            if not one.zero:
                os.posix_fadvise(
                    self._file, one.offset, min(one.length, left), os.POSIX_FADV_WILLNEED
                )
                left -= one.length

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
