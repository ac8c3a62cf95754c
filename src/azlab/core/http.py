"""Requests and responses as the services of the lab see them."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from urllib.parse import parse_qsl

from azlab.core.body import BodyReader
from azlab.core.json_types import JsonValue, encode

Body: TypeAlias = "bytes | bytearray | memoryview | Iterable[bytes | memoryview]"


class HttpError(Exception):
    """The base of every error that a service answers with; each service has its own kind."""

    def to_response(self, request: "Request") -> "Response":
        """The answer the client gets."""
        raise NotImplementedError


class Headers:
    """Header fields by name without regard to case; a repeated one is joined with a comma."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            known = self._fields.get(key)
            self._fields[key] = value if known is None else f"{known}, {value}"

    def get(self, name: str, default: str = "") -> str:
        """The value, or `default`."""
        return self._fields.get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def items(self) -> Iterable[tuple[str, str]]:
        """(lower-case name, value) of every field."""
        return self._fields.items()


class QueryArgs(Mapping[str, str]):
    """Query arguments by name without regard to case, percent-decoded, each at most once.

    `repeated` names the arguments that came more than once (the first value counts); the server
    refuses such a request, since Azure takes none.
    """

    def __init__(self, text: str = "") -> None:
        self._values: dict[str, str] = {}
        self.repeated: list[str] = []
        for name, value in parse_qsl(text, keep_blank_values=True):
            key = name.lower()
            if key in self._values:
                self.repeated.append(name)
            else:
                self._values[key] = value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        """The value, or the empty text."""
        return self._values.get(name.lower(), "")


@dataclass
class Request:
    """One request. `path` is percent-decoded, `raw_path` and `raw_query` are as received."""

    method: str
    path: str
    raw_path: str
    raw_query: str
    query: QueryArgs
    headers: Headers
    body: BodyReader
    base_url: str
    now: datetime
    """Lab time at which the request arrived."""
    client_gone: "ClientWatch"
    """Whether whoever asked has hung up meanwhile."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    fail_operation: str | None = None
    """The code with which a long-running operation started by this request is to fail."""

    @property
    def url(self) -> str:
        """The whole URL as received, on the address the lab publishes."""
        query = f"?{self.raw_query}" if self.raw_query else ""
        return f"{self.base_url}{self.raw_path}{query}"


class ClientWatch:
    """Says whether the client has closed its connection. This one never does."""

    def __call__(self) -> bool:
        return False


@dataclass
class Response:
    """One answer.

    A body of bytes gets its Content-Length by itself. An iterable is streamed: with the
    Content-Length that `headers` names, else in chunks. For HEAD, name Content-Length and leave
    the body empty.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = b""


def json_response(
    status: int, value: JsonValue, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with a JSON body."""
    return Response(
        status,
        {"Content-Type": "application/json; charset=utf-8", **(headers or {})},
        encode(value),
    )
