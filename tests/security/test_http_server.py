"""What a client may send before anybody knows who it is: bounded in size and in time."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from kyanite.server.http_limits import BoundedProtocol, HttpLimits
from kyanite.server.tls import ensure_certificate, server_context
from support.waiting import eventually


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body and says how long it was."""
    if scope["type"] != "http":
        return
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    text = str(length).encode()
    head = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": text})


class _Impatient(BoundedProtocol):
    limits = HttpLimits(head_seconds=0.2, body_seconds=0.2)


class _ForOne(BoundedProtocol):
    limits = HttpLimits(connections=1)


class _Served:
    def __init__(self, protocol: type[BoundedProtocol]) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        config = uvicorn.Config(_answer, http=protocol, ws="none", log_config=None)
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self.server.serve([listening])), daemon=True
        )
        self._thread.start()
        eventually(lambda: self.server.started, within_seconds=20)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(20)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[_Served]:
    served = _Served(getattr(request, "param", BoundedProtocol))
    yield served
    served.stop()


def _all_of(connection: socket.socket) -> bytes:
    """What comes until the other side ends it."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def _send_all(connection: socket.socket, *parts: bytes) -> None:
    """Send until the other side has had enough."""
    try:
        for part in parts:
            connection.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        pass


def _ask(connection: socket.socket, body: bytes = b"") -> bytes:
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    received = b""
    while not received.partition(b"\r\n\r\n")[2]:
        received += connection.recv(65536)
    return received.partition(b"\r\n\r\n")[2]


def test_several_requests_use_one_connection(served: _Served) -> None:
    with served.connect() as connection:
        assert _ask(connection) == b"0"
        assert _ask(connection, bytes(3_000_000)) == b"3000000"
        assert _ask(connection, b"abc") == b"3"


def test_a_head_without_end_is_refused(served: _Served) -> None:
    with served.connect() as connection:
        _send_all(connection, b"GET / HTTP/1.1\r\nX: ", *[b"a" * 65536] * 64)
        assert not _all_of(connection).startswith(b"HTTP/1.1 200")


def test_headers_without_number_are_refused_before_and_after_the_body(served: _Served) -> None:
    many = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(100))
    with served.connect() as connection:
        _send_all(connection, b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n")
        assert not _all_of(connection).startswith(b"HTTP/1.1 200")
    with served.connect() as connection:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        _send_all(connection, head + b"1\r\na\r\n0\r\n" + many + b"\r\n")
        assert not _all_of(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("served", [_Impatient], indirect=True)
@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"\r\n"])
def test_a_client_that_sends_no_whole_head_is_cut(served: _Served, begun: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(begun)
        assert _all_of(connection) == b""


@pytest.mark.parametrize("served", [_Impatient], indirect=True)
def test_a_client_that_sends_no_whole_body_is_cut(served: _Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        assert _all_of(connection) == b""


@pytest.mark.parametrize("served", [_ForOne], indirect=True)
def test_connections_over_the_limit_are_closed_at_once(served: _Served) -> None:
    with served.connect() as first:
        assert _ask(first) == b"0"
        with served.connect() as second:
            assert _all_of(second) == b""
        assert _ask(first) == b"0"


def test_tls_is_1_2_or_newer_with_forward_secrecy_and_authenticated_ciphers(
    tmp_path: Path,
) -> None:
    context = server_context(ensure_certificate(tmp_path, "127.0.0.1", datetime.now(UTC)))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    for cipher in context.get_ciphers():
        assert cipher["aead"], cipher["name"]
        assert cipher["protocol"] == "TLSv1.3" or "ECDHE" in str(cipher["name"])
