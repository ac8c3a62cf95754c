"""Signing in to an SQL server."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyanite.azure.tds import SqlDoor
from kyanite.base.errors import Denied, Rejected, Transient
from support.sql_door import FakeSqlServer

PASSWORD = "Pässwörd-€"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sql")
    made, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *name, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


@pytest.fixture
def server(certificate: tuple[Path, Path]) -> Iterator[FakeSqlServer]:
    server = FakeSqlServer(*certificate, PASSWORD)
    yield server
    server.close()


def test_the_right_password_is_let_in(
    server: FakeSqlServer, certificate: tuple[Path, Path]
) -> None:
    door = SqlDoor("127.0.0.1", server.port, str(certificate[0]))
    door.sign_in("keeper", PASSWORD)
    door.close()
    assert server.seen_users == ["keeper"]


def test_a_wrong_password_is_refused_in_the_words_of_the_server(
    server: FakeSqlServer, certificate: tuple[Path, Path]
) -> None:
    door = SqlDoor("127.0.0.1", server.port, str(certificate[0]))
    with pytest.raises(Denied, match=r"Login failed for user\. \(error 18456\)") as caught:
        door.sign_in("keeper", "wrong")
    door.close()
    assert "wrong" not in str(caught.value)


def test_a_certificate_of_nobody_gets_no_password(server: FakeSqlServer) -> None:
    door = SqlDoor("127.0.0.1", server.port)
    with pytest.raises(Rejected, match="TLS"):
        door.sign_in("keeper", PASSWORD)
    door.close()
    assert server.seen_users == []


def test_a_server_that_does_not_encrypt_gets_no_password(
    certificate: tuple[Path, Path],
) -> None:
    server = FakeSqlServer(*certificate, PASSWORD, encryption=2)
    with pytest.raises(Rejected, match="does not encrypt"):
        SqlDoor("127.0.0.1", server.port)
    server.close()


def test_nobody_at_home_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Transient, match="does not answer"):
        SqlDoor("127.0.0.1", port)
    with pytest.raises(Transient, match="does not answer"):
        SqlDoor("nothing.database.windows.test")
