"""Disk images and block devices on this machine that are backed up."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType

from kyanite.base.errors import Conflict, Invalid
from kyanite.cli.repo.read_ahead import ReadAhead
from kyanite.engine.ranges import ByteRange, RangeList


class ImageSource:
    """An image file or block device that is read. Raises ``Invalid`` if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Invalid(f"The image {path} cannot be read: {error.strerror}.") from None
        self.size_bytes = os.lseek(self._file, 0, os.SEEK_END)
        self._ahead = ReadAhead(self._fetch)

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
        self._ahead.has_read(len(buffer))

    def survey(self, ranges: RangeList) -> None:
        """What may be read, in order: the system may fetch it ahead of the reads."""
        self._ahead.survey(ranges)

    def expect(self, ranges: RangeList) -> None:
        """What will be read next, in order."""
        self._ahead.expect(ranges)

    def _fetch(self, offset: int, length: int) -> None:
        os.posix_fadvise(self._file, offset, length, os.POSIX_FADV_WILLNEED)

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
