"""Knocking at an SQL server: does it answer, and does it let a login in? No queries.

The first exchanges of the protocol TDS 7.4 (published by Microsoft as MS-TDS): a greeting, TLS
inside packets of the greeting, a sign-in, and its answer.
"""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Final

from kyanite.base.errors import Denied, Rejected, Transient

PORT: Final = 1433
_SECONDS: Final = 15.0

_GREETING, _ANSWER, _LOGIN = 0x12, 0x04, 0x10
_LAST: Final = 0x01
_HEADER: Final = struct.Struct(">BBHHBB")
_VERSION: Final = 0x74000004
_PACKET_BYTES: Final = 4096
_LONGEST_ANSWER_BYTES: Final = 1 << 20
_ENCRYPTION: Final = 0x01
_ENCRYPT_OFF, _ENCRYPT_NOT_SUPPORTED = 0x00, 0x02
_ERROR_TOKEN, _LOGIN_DONE_TOKEN = 0xAA, 0xAD
_SIZED_TOKENS: Final = frozenset({0xAA, 0xAB, 0xAD, 0xE3})
_FIXED_BYTES: Final = 94


class SqlDoor:
    """A connection to an SQL server that has answered the greeting. Close it after use.

    Raises ``Transient`` when nothing answers, ``Rejected`` when what answers is no SQL server.
    """

    def __init__(self, host: str, port: int = PORT, ca_file: str | None = None) -> None:
        self._host = host
        self._ca_file = ca_file
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._socket = socket.create_connection((host, port), timeout=_SECONDS)
        except OSError as error:
            raise Transient(f"The SQL server {host} does not answer: {error}") from error
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def sign_in(self, username: str, password: str, database: str = "master") -> None:
        """Sign in over TLS. Raises ``Denied`` with the server's words; else as above."""
        try:
            self._start_tls()
            self._send(_LOGIN, _login(self._host, username, password, database))
            answer = self._receive()
        except ssl.SSLError as error:
            raise Rejected(f"TLS with the SQL server {self._host} failed: {error}") from error
        except OSError as error:
            raise Transient(f"The SQL server {self._host} broke off: {error}") from error
        refusal = _refusal(answer)
        if refusal is not None:
            raise Denied(f"The SQL server {self._host} refused the login: {refusal}")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _greet(self) -> None:
        options = struct.pack(">BHHBHHB", 0x00, 11, 6, _ENCRYPTION, 17, 1, 0xFF)
        try:
            self._send(_GREETING, options + bytes(6) + b"\x01")
            answer = self._receive()
        except OSError as error:
            raise Transient(f"The SQL server {self._host} broke off: {error}") from error
        encryption = _option(answer, _ENCRYPTION)
        if encryption is None:
            raise Rejected(f"What answers at {self._host} is no SQL server.")
        if encryption in (_ENCRYPT_OFF, _ENCRYPT_NOT_SUPPORTED):
            raise Rejected(f"The SQL server {self._host} does not encrypt connections.")

    def _start_tls(self) -> None:
        context = ssl.create_default_context(cafile=self._ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # TDS 7.4 ends its handshake inside packets; tickets of TLS 1.3 come after that.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=self._host)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                if self._outgoing.pending:
                    self._send(_GREETING, self._outgoing.read())
                self._incoming.write(self._receive())
        if self._outgoing.pending:
            self._send(_GREETING, self._outgoing.read())
        self._tls = tls

    def _send(self, kind: int, data: bytes) -> None:
        room = _PACKET_BYTES - _HEADER.size
        pieces = [data[at : at + room] for at in range(0, len(data), room)]
        for number, piece in enumerate(pieces, 1):
            status = _LAST if number == len(pieces) else 0
            length = _HEADER.size + len(piece)
            packet = _HEADER.pack(kind, status, length, 0, number & 0xFF, 0) + piece
            if self._tls is None:
                self._socket.sendall(packet)
            else:
                self._tls.write(packet)
                self._socket.sendall(self._outgoing.read())

    def _receive(self) -> bytes:
        """One message: the contents of its packets."""
        message = b""
        while len(message) < _LONGEST_ANSWER_BYTES:
            kind, status, length, *_ = _HEADER.unpack(self._read(_HEADER.size))
            if kind not in (_ANSWER, _GREETING) or length < _HEADER.size:
                raise Rejected(f"What answers at {self._host} is no SQL server.")
            message += self._read(length - _HEADER.size)
            if status & _LAST:
                return message
        raise Rejected(f"The SQL server {self._host} does not stop talking.")

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if self._tls is None:
                piece = self._socket.recv(count - len(data))
            else:
                try:
                    piece = self._tls.read(count - len(data))
                except ssl.SSLWantReadError:
                    arrived = self._socket.recv(1 << 14)
                    if not arrived:
                        raise ConnectionResetError("the connection ended") from None
                    self._incoming.write(arrived)
                    continue
            if not piece:
                raise ConnectionResetError("the connection ended")
            data += piece
        return data


def _option(greeting: bytes, wanted: int) -> int | None:
    """The first byte of an option of a greeting."""
    at = 0
    while at + 5 <= len(greeting) and greeting[at] != 0xFF:
        offset, length = (int(n) for n in struct.unpack_from(">HH", greeting, at + 1))
        if greeting[at] == wanted and length and offset < len(greeting):
            return greeting[offset]
        at += 5
    return None


def _login(host: str, username: str, password: str, database: str) -> bytes:
    """The message LOGIN7."""
    hidden = bytes(((b << 4 | b >> 4) & 0xFF) ^ 0xA5 for b in password.encode("utf-16-le"))
    texts = [
        "kyanite".encode("utf-16-le"),
        username.encode("utf-16-le"),
        hidden,
        "kyanite".encode("utf-16-le"),
        host.encode("utf-16-le"),
        b"",
        "kyanite".encode("utf-16-le"),
        b"",
        database.encode("utf-16-le"),
    ]
    places, data = b"", b""
    for text in texts:
        places += struct.pack("<HH", _FIXED_BYTES + len(data), len(text) // 2)
        data += text
    end = struct.pack("<HH", _FIXED_BYTES + len(data), 0)
    places += bytes(6) + end * 3 + bytes(4)
    flags = bytes((0xE0, 0x03, 0x00, 0x00))
    fixed = struct.pack("<IIIII", _VERSION, _PACKET_BYTES, 0, 0, 0) + flags + bytes(8)
    return struct.pack("<I", _FIXED_BYTES + len(data)) + fixed + places + data


def _refusal(answer: bytes) -> str | None:
    """What the server says against a login; ``None`` when it has let it in."""
    at = 0
    while at + 3 <= len(answer) and answer[at] in _SIZED_TOKENS:
        (length,) = struct.unpack_from("<H", answer, at + 1)
        body = answer[at + 3 : at + 3 + length]
        if answer[at] == _LOGIN_DONE_TOKEN:
            return None
        if answer[at] == _ERROR_TOKEN and len(body) >= 8:
            number, _, _, characters = struct.unpack_from("<IBBH", body)
            text = body[8 : 8 + 2 * characters].decode("utf-16-le", "replace")
            return f"{text} (error {number})"
        at += 3 + length
    return "it gave no reason"
