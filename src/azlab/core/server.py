"""The listening side: one thread for each connection, TLS, an orderly end."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable

from azlab.core.body import BrokenRequest, ConnectionLost
from azlab.core.connection import Connection

_BACKLOG = 512
_HANDSHAKE_SECONDS = 20.0
_SOCKET_BUFFER = 1 << 20


class Listener:
    """One port. `serve_one(connection)` handles one request; False ends the connection."""

    def __init__(
        self,
        name: str,
        port: int,
        serve_one: Callable[[Connection], bool],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.name = name
        self._serve_one = serve_one
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._stopping = False
        self._socket = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG, reuse_port=False)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """Accept no more, let running requests end until `deadline` (monotonic), then cut them."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        while True:
            with self._lock:
                left = list(self._connections)
            late = time.monotonic() >= deadline
            for connection in left:
                if connection.idle or late:
                    connection.shut_down()
            if not left or late:
                return
            time.sleep(0.02)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                client, _ = self._socket.accept()
            except OSError:
                if self._stopping:
                    return
                time.sleep(0.05)  # out of file descriptors: wait for some to come back
                continue
            threading.Thread(
                target=self._run, args=(client,), name=f"{self.name}-connection", daemon=True
            ).start()

    def _run(self, client: socket.socket) -> None:
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
            secured = self._secure(client)
        except OSError:
            client.close()
            return
        connection = Connection(client, secured)
        with self._lock:
            self._connections.add(connection)
        try:
            while not self._stopping:
                connection.idle = True
                if not self._serve_one(connection):
                    break
        except (ConnectionLost, BrokenRequest):
            pass  # the end of this connection, and nobody is left to be told
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _secure(self, client: socket.socket) -> ssl.SSLSocket | None:
        if self._tls is None:
            return None
        client.settimeout(_HANDSHAKE_SECONDS)
        secured = self._tls.wrap_socket(client, server_side=True)
        secured.settimeout(None)
        return secured
