"""A line between a client and a server of this machine that makes the server far away.

It carries bytes and looks into none of them, so everything that speaks over TCP is slowed alike,
encrypted or not. What a client sends after it got something is a request, as HTTP without
pipelining has it; so each flight of a TLS handshake costs a round trip, as it does on a network.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from azlab.core.shaping import Pacer, Shape
from kyanite.engine.storage.slow import Distance

_HOST: Final = "127.0.0.1"


class FarLine:
    """Listens on ``port`` within a ``with`` and carries what comes to the server's port.

    ``requests``: so far, handshakes too. ``moved_bytes``: both ways, of connections that ended.
    """

    def __init__(self, server_port: int, distance: Distance) -> None:
        self.requests = 0
        self.moved_bytes = 0
        self._server_port = server_port
        self._distance = distance
        self._total = Pacer(distance.total_bytes_per_second)
        self._lock = threading.Lock()
        self._listener = socket.create_server((_HOST, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> FarLine:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((_HOST, self._server_port))
        except OSError:
            client.close()
            return
        shape = Shape([Pacer(self._distance.connection_bytes_per_second), self._total])
        connection = _Connection(client, server, shape, self._wait_for_request)
        with client, server:
            answers = threading.Thread(target=connection.carry_answers, daemon=True)
            answers.start()
            self._count_bytes(connection.carry_requests())
            answers.join()
            self._count_bytes(connection.answered_bytes)

    def _wait_for_request(self) -> None:
        with self._lock:
            self.requests += 1
        time.sleep(self._distance.latency_seconds)

    def _count_bytes(self, count: int) -> None:
        with self._lock:
            self.moved_bytes += count


class _Connection:
    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        shape: Shape,
        wait_for_request: Callable[[], None],
    ) -> None:
        self.answered_bytes = 0
        self._client = client
        self._server = server
        self._shape = shape
        self._wait_for_request = wait_for_request
        self._asking = False
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def carry_requests(self) -> int:
        return self._carry(self._client, self._server, self._asked)

    def carry_answers(self) -> None:
        self.answered_bytes = self._carry(self._server, self._client, self._answered)

    def _asked(self) -> None:
        if not self._asking:
            self._asking = True
            self._wait_for_request()

    def _answered(self) -> None:
        self._asking = False

    def _carry(
        self, source: socket.socket, target: socket.socket, on_bytes: Callable[[], None]
    ) -> int:
        """Until the source ends or either side is gone; returns how many bytes."""
        piece = memoryview(bytearray(self._shape.piece_bytes))
        moved_bytes = 0
        with contextlib.suppress(OSError):
            while count := source.recv_into(piece):
                on_bytes()
                self._shape.pass_bytes(count)
                target.sendall(piece[:count])
                moved_bytes += count
        for end, half in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
            with contextlib.suppress(OSError):
                end.shutdown(half)
        return moved_bytes
