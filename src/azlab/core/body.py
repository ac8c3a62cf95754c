"""Reading the body of a request from its connection, with few copies."""

from collections.abc import Callable, Iterator
from typing import Protocol

_LINE_LIMIT = 4096  # the longest chunk-size line that is read; real ones have a few digits


class BrokenRequest(Exception):
    """The bytes on the connection are no HTTP request; `status` is what to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ConnectionLost(Exception):
    """The other side went away, or a fault breaks the connection now."""


class ByteSource(Protocol):
    """Where a body comes from: a connection that is paced and counted."""

    def read_into(self, target: memoryview) -> int:
        """Fill the front of `target` with what is there (at least a byte); 0 at the end."""

    def read_line(self, limit: int) -> bytes:
        """One line with its line feed."""


class BodyReader:
    """The body of one request. Read it once, front to back.

    `length` is the Content-Length, None for a chunked body of unknown length. The client that
    waits for `100 Continue` gets it with the first read, so a handler that refuses a request
    by its headers never makes the client send gigabytes.
    """

    def __init__(
        self,
        source: ByteSource,
        length: int | None,
        limit: int,
        before_first_read: Callable[[], None] = lambda: None,
    ) -> None:
        self.length = length
        self.received = 0
        self._source = source
        self._limit = limit
        self._before_first_read = before_first_read
        self._begun = False
        self._left = length if length is not None else 0
        self._done = length == 0
        self.broken = False
        """Whether what came was no proper body: the connection cannot be used any more."""

    @property
    def finished(self) -> bool:
        """Whether every byte has been read."""
        return self._done

    @property
    def begun(self) -> bool:
        """Whether anything was read (and so `100 Continue` was sent)."""
        return self._begun

    def readinto(self, target: memoryview) -> int:
        """Fill the front of `target` with what has arrived; 0 only at the end of the body."""
        if self._done or not len(target):
            return 0
        if not self._begun:
            self._begun = True
            self._before_first_read()
        if self.length is None and self._left == 0 and not self._next_chunk():
            return 0
        taken = self._source.read_into(target[: self._left])
        if taken == 0:
            raise ConnectionLost("the body ended early")
        self._left -= taken
        self.received += taken
        if self.length is None:
            if self.received > self._limit:
                self.broken = True
                raise BrokenRequest(413, f"The request body is longer than {self._limit} bytes.")
            if self._left == 0:
                self._source.read_line(_LINE_LIMIT)
        elif self._left == 0:
            self._done = True
        return taken

    def _next_chunk(self) -> bool:
        line = self._source.read_line(_LINE_LIMIT)
        try:
            self._left = int(line.split(b";", 1)[0].strip(), 16)
        except ValueError as error:
            self.broken = True
            raise BrokenRequest(400, "The size of a chunk is no hexadecimal number.") from error
        if self._left > 0:
            return True
        while self._source.read_line(_LINE_LIMIT).strip():
            pass  # trailers, which nothing here uses
        self._done = True
        return False

    def fill(self, target: memoryview) -> int:
        """Fill `target` whole, or as far as the body goes; the number of bytes written."""
        done = 0
        while done < len(target):
            taken = self.readinto(target[done:])
            if taken == 0:
                break
            done += taken
        return done

    def read(self, max_bytes: int | None = None) -> bytes:
        """The rest of the body, or at most `max_bytes` of it; empty at the end."""
        if self.length is not None:
            size = self._left if max_bytes is None else min(self._left, max_bytes)
            buffer = bytearray(size)
            return bytes(memoryview(buffer)[: self.fill(memoryview(buffer))])
        parts: list[bytes] = []
        wanted = self._limit + 1 if max_bytes is None else max_bytes
        while wanted > 0:
            buffer = bytearray(min(wanted, 65536))
            taken = self.readinto(memoryview(buffer))
            if taken == 0:
                break
            parts.append(bytes(memoryview(buffer)[:taken]))
            wanted -= taken
        return b"".join(parts)

    def chunks(self, size_bytes: int) -> Iterator[memoryview]:
        """The rest of the body in pieces of `size_bytes` (the last one shorter).

        The pieces are views into one buffer that is used again: take a copy of what is to stay.
        """
        buffer = memoryview(bytearray(size_bytes))
        while True:
            taken = self.fill(buffer)
            if taken == 0:
                return
            yield buffer[:taken]
