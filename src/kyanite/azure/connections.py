"""A pool of HTTPS connections for bulk data.

Pages of disks and packs of repositories move here, not through the SDK: its readers copy
every byte several times. ``http.client`` receives straight into the caller's buffer. A
connection is used by one thread at a time and goes back only after its answer was read to
the end.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from kyanite.azure.addresses import https_host
from kyanite.azure.cloud import tls_context
from kyanite.base.errors import Rejected
from kyanite.base.units import GIB, MIB

Body = bytes | bytearray | memoryview

LARGEST_ANSWER_BYTES: Final = GIB + MIB
"""No object of a repository is larger (an index segment is at most a GiB), no list is either."""
_IDLE_PER_HOST: Final = 32
"""Kept open for each host; the engine reads with 16 threads and writes with a few more."""


class ConnectionFailed(Exception):
    """The connection broke. ``fresh`` tells a real failure from an idle one that was closed."""

    def __init__(self, cause: BaseException, *, fresh: bool) -> None:
        # What is said about a URL that cannot be sent repeats it, with its signature.
        words = "" if isinstance(cause, http.client.InvalidURL) else f": {cause}"
        super().__init__(f"{type(cause).__name__}{words}")
        self.fresh = fresh


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and body; ``received`` counts bytes put into the
    caller's buffer, in which case ``body`` is empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received: int = 0


class OpenAnswer(Protocol):
    """An answer whose body is on its way. Whoever got it closes it."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def length_bytes(self) -> int | None:
        """What is left of the body, if the service says so."""
        ...

    @property
    def body(self) -> bytes:
        """The rest of the body, within the bound of the pool; closes it."""
        ...

    def read_into(self, buffer: memoryview) -> int:
        """Some of the body; 0 only at its end. Raises ``ConnectionFailed``."""
        ...

    def close(self) -> None:
        """The connection is used again if the body was read to its end."""
        ...


class Exchange(Protocol):
    """Whatever gets an answer to a request: the pool, or a test's own server."""

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = b"",
        into: memoryview | None = None,
    ) -> Answer:
        """As ``ConnectionPool.exchange``."""
        ...

    def open(self, method: str, url: str, headers: Mapping[str, str]) -> OpenAnswer:
        """As ``ConnectionPool.open``."""
        ...


class ConnectionPool:
    """Connections to any number of hosts. Thread-safe.

    ``largest_answer_bytes`` bounds a body that does not go into a buffer of the caller.
    """

    def __init__(
        self,
        ca_file: str | None = None,
        timeout_seconds: float = 60.0,
        largest_answer_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> None:
        self._largest_answer_bytes = largest_answer_bytes
        self._tls: ssl.SSLContext = tls_context(ca_file)
        self._timeout_seconds = timeout_seconds
        self._idle: dict[str, deque[http.client.HTTPSConnection]] = {}
        self._lock = threading.Lock()

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = b"",
        into: memoryview | None = None,
    ) -> Answer:
        """One request and its whole answer.

        The body of a successful answer goes into ``into`` when that is given: at most so
        many bytes, a longer answer is an error. Raises ``ConnectionFailed``, and ``Rejected``
        for a URL that is not an https address and for an answer without bounds.
        """
        netloc, target = _netloc_and_target(url)
        with self._connection(netloc) as connection:
            has_body = method in ("PUT", "POST")
            sent = dict(headers)
            if has_body:
                sent["Content-Length"] = str(len(body))
            response, reusable = _answer_to(
                connection, method, target, body if has_body else None, sent
            )
            lowered = {name.lower(): value for name, value in response.getheaders()}
            if into is not None and response.status in (200, 206):
                answer = Answer(response.status, lowered, b"", _read_into(response, into))
            else:
                answer = Answer(
                    response.status, lowered, _read_all(response, self._largest_answer_bytes)
                )
            if not reusable:
                connection.close()
            return answer

    def open(self, method: str, url: str, headers: Mapping[str, str]) -> OpenAnswer:
        """One request without a body, and the head of its answer; errors as of ``exchange``."""
        netloc, target = _netloc_and_target(url)
        connection, fresh = self._take(netloc)
        try:
            response, _ = _answer_to(connection, method, target, None, headers)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectionFailed(error, fresh=fresh) from error
        except BaseException:
            connection.close()
            raise
        return _PooledAnswer(
            response,
            self._largest_answer_bytes,
            connection.close,
            lambda: self._give_back(netloc, connection),
        )

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    @contextmanager
    def _connection(self, netloc: str) -> Iterator[http.client.HTTPSConnection]:
        connection, fresh = self._take(netloc)
        try:
            yield connection
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectionFailed(error, fresh=fresh) from error
        except BaseException:
            connection.close()
            raise
        self._give_back(netloc, connection)

    def _take(self, netloc: str) -> tuple[http.client.HTTPSConnection, bool]:
        """A connection, and whether it is a fresh one."""
        with self._lock:
            waiting = self._idle.get(netloc)
            if waiting:
                return waiting.pop(), False
        fresh = http.client.HTTPSConnection(
            netloc, timeout=self._timeout_seconds, context=self._tls
        )
        return fresh, True

    def _give_back(self, netloc: str, connection: http.client.HTTPSConnection) -> None:
        if connection.sock is None:  # the answer, or we, have ended it
            return
        with self._lock:
            waiting = self._idle.setdefault(netloc, deque())
            if len(waiting) < _IDLE_PER_HOST:
                waiting.append(connection)
                return
        connection.close()


class _PooledAnswer:
    """An ``OpenAnswer`` on a connection of a pool."""

    def __init__(
        self,
        response: http.client.HTTPResponse,
        most_bytes: int,
        end: Callable[[], None],
        give_back: Callable[[], None],
    ) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self._response = response
        self._most_bytes = most_bytes
        self._end = end
        self._give_back = give_back

    @property
    def length_bytes(self) -> int | None:
        return self._response.length

    @property
    def body(self) -> bytes:
        try:
            return _read_all(self._response, self._most_bytes)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed(error, fresh=True) from error
        finally:
            self.close()

    def read_into(self, buffer: memoryview) -> int:
        try:
            count = self._response.readinto(buffer)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed(error, fresh=True) from error
        if not count and self._response.length:
            early = http.client.IncompleteRead(b"", self._response.length)
            raise ConnectionFailed(early, fresh=True)
        return count

    def close(self) -> None:
        if self._response.isclosed():  # at the end of the body
            self._give_back()
        else:
            self._end()
        self._end = self._give_back = _nothing


def _nothing() -> None:
    pass


def _netloc_and_target(url: str) -> tuple[str, str]:
    """Host with port, and what to ask it for. Raises ``Rejected``."""
    https_host(url)
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return parts.netloc, target


def _answer_to(
    connection: http.client.HTTPSConnection,
    method: str,
    target: str,
    body: Body | None,
    headers: Mapping[str, str],
) -> tuple[http.client.HTTPResponse, bool]:
    """The head of the answer, and whether the connection can be used again.

    A service that refuses a large body does not read it to the end: then sending fails,
    and what it answered tells why.
    """
    try:
        connection.request(method, target, body=body, headers=dict(headers))
    except OSError as broken:
        if connection.sock is None:
            raise
        try:
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            raise broken from None
        return response, False
    return connection.getresponse(), True


def _read_all(response: http.client.HTTPResponse, most_bytes: int) -> bytes:
    """The body. Raises ``Rejected`` if it has more than ``most_bytes``."""
    if response.length is not None and response.length <= most_bytes:
        return response.read()
    # What comes in pieces, or until the connection ends, says nothing about its length.
    body = response.read(most_bytes + 1) if response.length is None else b""
    if response.length is not None or len(body) > most_bytes:
        raise Rejected(f"An answer of more than {most_bytes} bytes came; it is not read.")
    return body


def _read_into(response: http.client.HTTPResponse, into: memoryview) -> int:
    """The body, straight into ``into``. Raises ``HTTPException`` if it ends early or late."""
    length = response.length
    if length is not None and length > len(into):
        raise http.client.HTTPException(f"{length} bytes came where {len(into)} were asked for")
    received = 0
    while received < len(into):
        count = response.readinto(into[received:])
        if not count:
            break
        received += count
    if length is not None and received < length:
        raise http.client.IncompleteRead(b"", length - received)
    if response.read(1):
        raise http.client.HTTPException(f"more than the {len(into)} bytes asked for came")
    return received
