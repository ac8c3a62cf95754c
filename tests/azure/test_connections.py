"""The pool of connections against a server that behaves badly. TLS by a throw-away certificate."""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
import os
import socket
import ssl
import termios
import threading
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kyanite.azure.connections import ConnectionFailed, ConnectionPool
from kyanite.base.errors import Rejected
from kyanite.base.units import MIB

Serve = Callable[[ssl.SSLSocket], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Server:
    """Serves each connection with the next function; ``url`` is its address."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._socket.getsockname()[1]}/thing?sig=x"
        self.connections = 0

    def serve(self, *functions: Serve) -> None:
        threading.Thread(target=self._run, args=functions, daemon=True).start()

    def _run(self, *functions: Serve) -> None:
        for function in functions:
            plain, _ = self._socket.accept()
            self.connections += 1
            try:
                with self._context.wrap_socket(plain, server_side=True) as secured:
                    function(secured)
            except OSError:
                continue  # the client had enough

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server(certificate: Path) -> Iterator[Server]:
    made = Server(certificate)
    yield made
    made.close()


def head(secured: ssl.SSLSocket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += secured.recv(65536)
    return data


def wait_until_arrived(secured: ssl.SSLSocket) -> None:
    """Until the other side's kernel has acknowledged everything that was sent.

    Closing a socket that has unread data resets the connection, and a reset throws away
    what is still on its way.
    """
    unacknowledged = array("i", [0])
    while True:
        fcntl.ioctl(secured, termios.TIOCOUTQ, unacknowledged)
        if unacknowledged[0] == 0:
            return
        os.sched_yield()


def answers(body: bytes, *, times: int = 1, length: int | None = None) -> Serve:
    def serve(secured: ssl.SSLSocket) -> None:
        for _ in range(times):
            head(secured)
            size = len(body) if length is None else length
            secured.sendall(b"HTTP/1.1 206 OK\r\nContent-Length: %d\r\n\r\n" % size + body)

    return serve


def test_a_connection_is_used_again(server: Server, certificate: Path) -> None:
    server.serve(answers(b"abc", times=2))
    pool = ConnectionPool(str(certificate))
    assert [pool.exchange("GET", server.url, {}).body for _ in range(2)] == [b"abc", b"abc"]
    assert server.connections == 1
    pool.close()


def test_a_connection_closed_while_idle_is_told_from_a_failure(
    server: Server, certificate: Path
) -> None:
    server.serve(answers(b"abc"), answers(b"def"))
    pool = ConnectionPool(str(certificate), timeout_seconds=5)
    assert pool.exchange("GET", server.url, {}).body == b"abc"
    with pytest.raises(ConnectionFailed) as failed:
        pool.exchange("GET", server.url, {})
    assert not failed.value.fresh
    assert pool.exchange("GET", server.url, {}).body == b"def"


def test_an_answer_that_ends_early_fails_and_one_that_is_too_long_too(
    server: Server, certificate: Path
) -> None:
    server.serve(answers(b"abc", length=10), answers(b"a" * 20))
    pool = ConnectionPool(str(certificate), timeout_seconds=5)
    for _ in range(2):
        with pytest.raises(ConnectionFailed):
            pool.exchange("GET", server.url, {}, into=memoryview(bytearray(10)))


def test_a_refusal_is_heard_although_the_body_was_not_read(
    server: Server, certificate: Path
) -> None:
    def refuse(secured: ssl.SSLSocket) -> None:
        head(secured)
        secured.sendall(
            b"HTTP/1.1 403 Forbidden\r\nx-ms-error-code: AuthenticationFailed\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        wait_until_arrived(secured)

    server.serve(refuse, answers(b"abc"))
    pool = ConnectionPool(str(certificate), timeout_seconds=5)
    answer = pool.exchange("PUT", server.url, {}, body=bytes(64 * MIB))
    assert (answer.status, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
    assert pool.exchange("GET", server.url, {}).body == b"abc"


def test_a_stranger_with_a_certificate_of_his_own_is_not_spoken_to(server: Server) -> None:
    server.serve(answers(b"abc"))
    with pytest.raises(ConnectionFailed, match="certificate"):
        ConnectionPool().exchange("GET", server.url, {})


def test_no_word_is_sent_without_tls() -> None:
    with pytest.raises(Rejected, match="not an https address"):
        ConnectionPool().exchange("GET", "http://127.0.0.1/", {})
