"""A line makes whatever is behind it far away, and changes no byte."""

from __future__ import annotations

import random
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from bench.far_line import FarLine
from kyanite.engine.storage.slow import Distance

SIZE_BYTES = 64 * 1024


class _Echo(socketserver.BaseRequestHandler):
    """Sends back each piece of ``SIZE_BYTES``, as a whole."""

    def handle(self) -> None:
        while data := _take(self.request):
            self.request.sendall(data)


@pytest.fixture
def echo_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_each_request_costs_the_latency_and_brings_the_bytes(echo_port: int) -> None:
    sent = random.Random(1).randbytes(SIZE_BYTES)
    with FarLine(echo_port, Distance(0.03, 1e9, 1e9)) as line:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", line.port)) as client:
            for _ in range(5):
                assert _asked(client, sent) == sent
        assert time.monotonic() - began >= 5 * 0.03
        assert line.requests == 5


def test_a_connection_is_no_faster_than_its_rate(echo_port: int) -> None:
    sent = random.Random(2).randbytes(SIZE_BYTES)
    with FarLine(echo_port, Distance(0.0, 1e6, 1e9)) as line:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", line.port)) as client:
            assert _asked(client, sent) == sent
        # There and back, but for what a pause may save up.
        assert time.monotonic() - began >= 2 * SIZE_BYTES / 1e6 - 0.02


def test_all_connections_share_the_total_rate(echo_port: int) -> None:
    sent = random.Random(3).randbytes(SIZE_BYTES)
    with FarLine(echo_port, Distance(0.0, 1e9, 2e6)) as line:
        began = time.monotonic()
        clients = [socket.create_connection(("127.0.0.1", line.port)) for _ in range(4)]
        for client in clients:
            client.sendall(sent)
        for client in clients:
            with client:
                assert _take(client) == sent
        assert time.monotonic() - began >= 4 * 2 * SIZE_BYTES / 2e6 - 0.02


def _asked(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return _take(client)


def _take(end: socket.socket) -> bytes:
    taken = bytearray()
    while len(taken) < SIZE_BYTES and (more := end.recv(SIZE_BYTES - len(taken))):
        taken += more
    return bytes(taken)
