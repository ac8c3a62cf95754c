"""A request and an answer as the blob service sees them, free of any server.

The server's objects are turned into these at the edge (`routes`), the parts of a batch are made
from text: both go the same way afterwards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Body(Protocol):
    """The request body: `length` bytes that can be read once."""

    @property
    def length(self) -> int: ...

    def readinto(self, buffer: memoryview) -> int: ...


class BytesBody:
    """A body that is in memory already."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = memoryview(data)

    @property
    def length(self) -> int:
        return len(self._data)

    def readinto(self, buffer: memoryview) -> int:
        count = min(len(buffer), len(self._data))
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


@dataclass(frozen=True)
class BlobRequest:
    """`path` is percent-decoded, `raw_path` as sent; both begin with `/account`.

    Names in `query` and `headers` are lower-case, values as sent (query values decoded).
    `now` is lab time, `real_now` the time of the real clock.
    """

    method: str
    path: str
    raw_path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    base_url: str
    client_ip: str
    now: datetime
    real_now: datetime
    request_id: str
    inherited_version: str = ""
    """For a part of a batch: the x-ms-version of the batch, which the part does not sign."""

    @property
    def version(self) -> str:
        """x-ms-version, else the `sv` of a SAS, empty when there is neither."""
        sent = self.headers.get("x-ms-version") or self.inherited_version
        return sent or self.query.get("sv", "")

    def header(self, name: str) -> str | None:
        """None when absent or empty."""
        return self.headers.get(name) or None


@dataclass(frozen=True)
class BlobResponse:
    """`content_length` is needed where `body` is not in memory, or for HEAD."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    content_length: int | None = None


def read_all(body: Body, limit_bytes: int) -> bytes:
    """The whole body; raises ValueError when it announces more than `limit_bytes`."""
    if body.length > limit_bytes:
        raise ValueError(f"a body of {body.length} bytes is more than {limit_bytes}")
    data = bytearray(body.length)
    view = memoryview(data)
    while view:
        count = body.readinto(view)
        if not count:
            raise EOFError("the body ended before its announced length")
        view = view[count:]
    return bytes(data)
