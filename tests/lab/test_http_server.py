"""HTTP as the lab speaks it, with requests that the SDKs do not send."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from support.lab import Azure


@pytest.fixture
def connection(azure: Azure) -> Iterator[http.client.HTTPSConnection]:
    parts = urlsplit(azure.arm)
    context = ssl.create_default_context(cafile=azure.ca or None)
    found = http.client.HTTPSConnection(str(parts.hostname), parts.port, context=context)
    yield found
    found.close()


@pytest.fixture
def raw(azure: Azure) -> Iterator[ssl.SSLSocket]:
    """A TLS connection to ARM on which a test writes its own bytes."""
    parts = urlsplit(azure.arm)
    context = ssl.create_default_context(cafile=azure.ca or None)
    plain = socket.create_connection((str(parts.hostname), parts.port or 443), timeout=20)
    with context.wrap_socket(plain, server_hostname=parts.hostname) as secured:
        yield secured


def _group_path(azure: Azure, name: str) -> str:
    base = f"/subscriptions/{azure.subscription_ids[0]}/resourcegroups/{name}"
    return f"{base}?api-version=2025-04-01"


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.control
def test_a_chunked_body_is_read_whole_and_the_connection_stays(
    azure: Azure, connection: http.client.HTTPSConnection
) -> None:
    headers = {
        "Authorization": f"Bearer {azure.token()}",
        "Content-Type": "application/json",
        "Transfer-Encoding": "chunked",
    }
    pieces = [b'{"loca', b'tion": "west', b'europe"}']
    for status in (201, 200):
        connection.request(
            "PUT", _group_path(azure, "chunked"), iter(pieces), headers, encode_chunked=True
        )
        answer = connection.getresponse()
        assert answer.status == status
        assert json.loads(answer.read())["location"] == "westeurope"


@pytest.mark.control
def test_a_client_that_waits_for_100_gets_it_only_when_its_body_is_wanted(
    azure: Azure, raw: ssl.SSLSocket
) -> None:
    path = _group_path(azure, "expected")
    body = b'{"location": "westeurope"}'
    head = (
        f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{}}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    raw.sendall(head.format(azure.token()).encode())
    assert _status(raw.recv(65536)) == 100
    raw.sendall(body)
    assert _status(raw.recv(65536)) == 201
    raw.sendall(head.format("wrong").encode())
    assert _status(raw.recv(65536)) == 401


@pytest.mark.control
def test_two_requests_in_one_write_are_answered_in_turn(azure: Azure, raw: ssl.SSLSocket) -> None:
    one = b"GET /metadata/endpoints HTTP/1.1\r\nHost: x\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    raw.sendall(one + last)
    received = b""
    while piece := raw.recv(65536):
        received += piece
    assert received.count(b"HTTP/1.1 400 ") == 2
    assert received.count(b"MissingApiVersionParameter") == 2


@pytest.mark.control
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx-ms-client-request-id: a\nSet-Cookie: b\r\n\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"PUT / HTTP/1.1\r\nContent-Length: ten\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
def test_bytes_that_are_no_proper_request_get_an_answer(
    raw: ssl.SSLSocket, sent: bytes, status: int
) -> None:
    raw.sendall(sent)
    assert _status(raw.recv(65536)) == status


@pytest.mark.control
def test_a_torn_chunk_gets_an_answer_and_ends_the_connection(
    azure: Azure, raw: ssl.SSLSocket
) -> None:
    head = (
        f"PUT {_group_path(azure, 'torn')} HTTP/1.1\r\nAuthorization: Bearer {azure.token()}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    )
    raw.sendall(head.encode())
    assert _status(raw.recv(65536)) == 400
    assert raw.recv(65536) == b""


@pytest.mark.control
def test_a_refused_upload_is_answered_and_not_reset(
    connection: http.client.HTTPSConnection,
) -> None:
    for _ in range(2):
        connection.request("PUT", "/nowhere", b"x" * 4_000_000)
        answer = connection.getresponse()
        assert answer.status == 501
        answer.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.control
def test_both_names_and_both_versions_of_tls_work(azure: Azure, version: ssl.TLSVersion) -> None:
    port = urlsplit(azure.arm).port
    for host in ("127.0.0.1", "localhost"):
        context = ssl.create_default_context(cafile=azure.ca)
        context.minimum_version = context.maximum_version = version
        plain = socket.create_connection(("127.0.0.1", port or 443), timeout=20)
        with context.wrap_socket(plain, server_hostname=host) as secured:
            expected = "TLSv1.2" if version is ssl.TLSVersion.TLSv1_2 else "TLSv1.3"
            assert secured.version() == expected
