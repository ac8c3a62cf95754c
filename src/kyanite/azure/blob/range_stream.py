"""A range of a blob as it comes: one request, gone on with where the connection breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kyanite.azure.connections import ConnectionFailed, OpenAnswer
from kyanite.azure.data_plane import DataPlane, PlaneError
from kyanite.azure.pauses import Retries
from kyanite.base.errors import AzureError, KyaniteError, Rejected, Transient
from kyanite.base.units import KIB

_DROPPED_AT_ONCE: Final = 256 * KIB


class RangeStream:
    """Implements the engine's ``ByteStream``. ``explain`` makes its errors of Azure's."""

    def __init__(
        self,
        plane: DataPlane,
        path: str,
        offset: int,
        length: int,
        explain: Callable[[AzureError], KyaniteError],
    ) -> None:
        self._plane = plane
        self._path = path
        self._at = offset
        self._left = length
        self._explain = explain
        self._retries: Retries | None = None
        self._answer: OpenAnswer | None = None
        self._open()

    def read_into(self, buffer: memoryview) -> int:
        """Fill ``buffer``; fewer bytes only at the end of the range or the blob."""
        view = buffer[: self._left]
        filled = 0
        while filled < len(view):
            if self._answer is None:
                self._open()
            if self._answer is None:
                break
            try:
                count = self._answer.read_into(view[filled:])
            except ConnectionFailed as failure:
                self.close()
                self._retry(failure)
                continue
            if not count:
                self._left = 0  # the blob is shorter
                break
            filled += count
            self._at += count
            self._left -= count
        return filled

    def skip(self, count: int) -> None:
        """They come nevertheless: the request asked for them."""
        dropped = memoryview(bytearray(min(count, _DROPPED_AT_ONCE)))
        while count and (read := self.read_into(dropped[:count])):
            count -= read

    def close(self) -> None:
        """Give the connection back, or end it in the middle of a body."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _open(self) -> None:
        if not self._left:
            return
        headers = {"x-ms-range": f"bytes={self._at}-{self._at + self._left - 1}"}
        try:
            answer = self._plane.open(self._path, headers=headers)
        except PlaneError as failure:
            if failure.error.status == 416:  # the blob ends before the range begins
                self._left = 0
                return
            raise self._explain(failure.error) from failure
        if answer.length_bytes is None or answer.length_bytes > self._left:
            answer.close()
            raise self._explain(Rejected(f"Other bytes of {self._path} came than were asked for."))
        self._answer = answer

    def _retry(self, failure: ConnectionFailed) -> None:
        if self._retries is None:
            self._retries = self._plane.retries()
        if not self._retries.again():
            error = Transient(f"GET {self._path} broke off: {failure}")
            raise self._explain(error) from failure
