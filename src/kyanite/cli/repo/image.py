"""Disk images and block devices on this machine that are backed up."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Final

from kyanite.base.errors import Conflict, Invalid
from kyanite.base.units import MIB
from kyanite.engine.ranges import ByteRange, RangeList

# How far the system reads ahead of us: about what it reads while a password is stretched.
_AHEAD_BYTES: Final = 64 * MIB

# It fetches no more than a few MiB at one word.
_ADVICE_BYTES: Final = 4 * MIB


class ImageSource:
    """An image file or block device that is read. Raises ``Invalid`` if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Invalid(f"The image {path} cannot be read: {error.strerror}.") from None
        self.size_bytes = os.lseek(self._file, 0, os.SEEK_END)
        self._lock = threading.Lock()
        self._expected: Iterator[ByteRange] = iter(())

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
        self._fetch_ahead(len(buffer))

    def expect(self, ranges: RangeList) -> None:
        """These will be read soon and in order: the system may fetch them ahead of the reads."""
        with self._lock:
            self._expected = chain(self._expected, _parts(ranges))
        self._fetch_ahead(_AHEAD_BYTES)

    def _fetch_ahead(self, size_bytes: int) -> None:
        with self._lock:
            while size_bytes > 0 and (part := next(self._expected, None)):
                os.posix_fadvise(self._file, part.offset, part.length, os.POSIX_FADV_WILLNEED)
                size_bytes -= part.length

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


def _parts(ranges: RangeList) -> Iterator[ByteRange]:
    for one in ranges:
        if not one.zero:
            for at in range(one.offset, one.end, _ADVICE_BYTES):
                yield ByteRange(at, min(_ADVICE_BYTES, one.end - at))
