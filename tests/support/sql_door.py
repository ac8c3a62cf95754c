"""Something that answers like an SQL server until somebody is signed in."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from pathlib import Path

_HEADER = struct.Struct(">BBHHBB")


class FakeSqlServer:
    """Lets one password in; one thread, as many connections as come."""

    def __init__(self, certificate: Path, key: Path, password: str, encryption: int = 1) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._password, self._encryption = password, encryption
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.seen_users: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    self._talk(connection)
                except (OSError, struct.error):
                    continue

    def _talk(self, connection: socket.socket) -> None:
        self._packet(connection)
        options = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
        self._send(connection, 4, options + bytes(6) + bytes((self._encryption,)))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    self._send(connection, 0x12, outgoing.read())
                incoming.write(self._packet(connection))
        if outgoing.pending:
            self._send(connection, 0x12, outgoing.read())
        login = b""
        while len(login) < 8:
            try:
                login += tls.read(1 << 14)
            except ssl.SSLWantReadError:
                incoming.write(connection.recv(1 << 14))
        tls.write(self._answer(login[8:]))
        connection.sendall(outgoing.read())

    def _answer(self, login: bytes) -> bytes:
        def text(place: int) -> bytes:
            offset, characters = struct.unpack_from("<HH", login, 36 + 4 * place)
            return login[offset : offset + 2 * characters]

        self.seen_users.append(text(1).decode("utf-16-le"))
        shown = bytes((((b ^ 0xA5) << 4 | (b ^ 0xA5) >> 4) & 0xFF) for b in text(2))
        if shown.decode("utf-16-le") == self._password:
            body = b"\xad" + struct.pack("<H", 2) + b"ok"
        else:
            words = "Login failed for user."
            said = struct.pack("<IBBH", 18456, 1, 14, len(words)) + words.encode("utf-16-le")
            body = b"\xaa" + struct.pack("<H", len(said)) + said
        info = b"\xab" + struct.pack("<H", 1) + b"i"
        return _HEADER.pack(4, 1, 8 + len(info + body), 0, 1, 0) + info + body

    @staticmethod
    def _send(connection: socket.socket, kind: int, data: bytes) -> None:
        connection.sendall(_HEADER.pack(kind, 1, 8 + len(data), 0, 1, 0) + data)

    @staticmethod
    def _packet(connection: socket.socket) -> bytes:
        header = connection.recv(8, socket.MSG_WAITALL)
        _, _, length, *_ = _HEADER.unpack(header)
        return connection.recv(length - 8, socket.MSG_WAITALL)
