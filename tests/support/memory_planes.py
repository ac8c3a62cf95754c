"""Data planes in memory: one disk, one container; and accidents on the way to them."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from kyanite.azure.connections import Answer, Body, ConnectionFailed, OpenAnswer
from kyanite.azure.pauses import Patience


@dataclass(frozen=True)
class PlaneRequest:
    """A request; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def range(self) -> tuple[int, int]:
        """``x-ms-range`` as (start, end)."""
        first, _, last = self.headers["x-ms-range"].removeprefix("bytes=").partition("-")
        return int(first), int(last) + 1


Serve = Callable[[PlaneRequest], Answer]
HASTY = Patience(attempts=7, first_pause_seconds=0.01)
"""As often as usual, without the waiting."""


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def refusal(status: int, code: str) -> Answer:
    """An error as storage services give it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}!</Message></Error>"
    return Answer(status, {"x-ms-error-code": code}, body.encode())


class MemoryExchange:
    """Passes requests to ``serve``; ``accidents`` happen to the first requests, in turn:
    ``"before"`` and ``"after"`` break the connection around the request, ``"torn"`` in the
    middle of a body that is read as it comes, ``"stale"`` is an idle connection that was
    closed, an ``Answer`` is given instead of the real one."""

    def __init__(self, serve: Serve, accidents: tuple[str | Answer, ...] = ()) -> None:
        self._serve = serve
        self._accidents = list(accidents)
        self._lock = threading.Lock()
        self.requests: list[tuple[str, str]] = []

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = b"",
        into: memoryview | None = None,
    ) -> Answer:
        answer, _ = self._answered(method, url, headers, body)
        if into is not None and answer.status in (200, 206):
            into[: len(answer.body)] = answer.body
            return Answer(answer.status, answer.headers, b"", len(answer.body))
        return answer

    def open(self, method: str, url: str, headers: Mapping[str, str]) -> OpenAnswer:
        answer, accident = self._answered(method, url, headers, b"")
        return _MemoryAnswer(answer, len(answer.body) // 2 if accident == "torn" else None)

    def _answered(
        self, method: str, url: str, headers: Mapping[str, str], body: Body
    ) -> tuple[Answer, str | None]:
        parts = urlsplit(url)
        with self._lock:
            self.requests.append((method, f"{parts.path}?{parts.query}"))
            accident = self._accidents.pop(0) if self._accidents else None
            if isinstance(accident, Answer):
                return accident, None
            if accident == "before":
                raise ConnectionFailed(OSError("reset"), fresh=True)
            if accident == "stale":
                raise ConnectionFailed(OSError("closed"), fresh=False)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            request = PlaneRequest(
                method, unquote(parts.path), query, lowered(headers), bytes(body)
            )
            answer = self._serve(request)
            if accident == "after":
                raise ConnectionFailed(OSError("reset"), fresh=True)
        return answer, accident


class _MemoryAnswer:
    def __init__(self, answer: Answer, breaks_after: int | None) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.body
        self._at = 0
        self._breaks_after = breaks_after

    @property
    def length_bytes(self) -> int | None:
        return len(self.body) - self._at

    def read_into(self, buffer: memoryview) -> int:
        end = len(self.body) if self._breaks_after is None else self._breaks_after
        if self._at == end and self._breaks_after is not None:
            raise ConnectionFailed(OSError("reset"), fresh=True)
        part = self.body[self._at : min(end, self._at + len(buffer))]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._at = len(self.body)


class MemoryDisk:
    """An upload disk that remembers every write."""

    def __init__(self, size_bytes: int) -> None:
        self.data = bytearray(size_bytes + 512)
        self.writes: list[tuple[int, int]] = []

    def __call__(self, request: PlaneRequest) -> Answer:
        method, body = request.method, request.body
        if method == "HEAD":
            return Answer(200, {"content-length": str(len(self.data))}, b"")
        start, end = request.range
        if method == "PUT":
            assert len(body) == end - start
            self.data[start:end] = body
            self.writes.append((start, len(body)))
            return Answer(201, {}, b"")
        return Answer(206, {}, bytes(self.data[start:end]))


class MemoryContainer:
    """Block blobs. ``may_overwrite`` is what a SAS without ``w`` lacks."""

    def __init__(self, *, md5: bool = True, overwrite_code: str = "BlobAlreadyExists") -> None:
        self.blobs: dict[str, bytes] = {}
        self._md5 = md5
        self._overwrite_code = overwrite_code

    def __call__(self, request: PlaneRequest) -> Answer:
        method, path, body = request.method, request.path, request.body
        name = path.removeprefix("/account/container").removeprefix("/")
        if method == "PUT":
            assert request.headers["if-none-match"] == "*"
            if name in self.blobs:
                status = 403 if self._overwrite_code == "UnauthorizedBlobOverwrite" else 409
                return refusal(status, self._overwrite_code)
            self.blobs[name] = body
            return Answer(201, {}, b"")
        if name not in self.blobs:
            return refusal(404, "BlobNotFound")
        data = self.blobs[name]
        if method == "HEAD":
            known = {"content-length": str(len(data))}
            known["last-modified"] = "Wed, 25 Nov 2026 10:00:00 GMT"
            if self._md5:
                known["content-md5"] = base64.b64encode(hashlib.md5(data).digest()).decode()
            return Answer(200, known, b"")
        if "x-ms-range" in request.headers:
            start, end = request.range
            if start >= len(data):
                return refusal(416, "InvalidRange")
            return Answer(206, {}, data[start:end])
        return Answer(200, {}, data)
