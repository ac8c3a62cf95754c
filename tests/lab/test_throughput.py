"""How fast one client reads ranges of a disk and uploads blocks: the promised 400 MB/s each.

Slow because it is a measurement: on a machine that does other things meanwhile the best of some
rounds counts.
"""

import base64
import http.client
import os
import ssl
import time
from urllib.parse import urlsplit

import pytest

from support.lab import Azure, Control

pytestmark = [pytest.mark.slow, pytest.mark.control, pytest.mark.measured]

_PROMISED = 400e6
_PIECE = 4 << 20
_PIECES = 64
_ROUNDS = 4


def _connection(azure: Azure, url: str) -> http.client.HTTPSConnection:
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=azure.ca)
    return http.client.HTTPSConnection(str(parts.hostname), parts.port, context=context)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _readable_disk(azure: Azure, control: Control) -> str:
    """The SAS of a fresh snapshot of a disk that is full of random bytes."""
    group = f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups/backup"
    disk = f"{group}/providers/Microsoft.Compute/disks/speed"
    body: dict[str, object] = {
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
    }
    assert azure.call("PUT", f"{disk}?api-version=2024-03-02", body).status_code in (200, 202)
    for number in range(_PIECES):
        control.write_disk(disk, number * _PIECE, os.urandom(_PIECE))
    answer = azure.call(
        "POST",
        f"{disk}/beginGetAccess?api-version=2024-03-02",
        {"access": "Read", "durationInSeconds": 3600},
    )
    assert answer.status_code in (200, 202), answer.text
    deadline = time.monotonic() + 20
    while answer.status_code == 202:
        assert time.monotonic() < deadline
        answer = azure.call("GET", answer.headers["Location"])
    sas: str = answer.json()["accessSAS"]
    return sas


def test_one_client_reads_ranges_at_the_promised_speed(azure: Azure, fresh: Control) -> None:
    sas = _readable_disk(azure, fresh)
    connection = _connection(azure, sas)
    buffer = bytearray(_PIECE)
    best = 0.0
    for _ in range(_ROUNDS):
        started = time.monotonic()
        for number in range(_PIECES):
            start = number * _PIECE
            headers = {"x-ms-range": f"bytes={start}-{start + _PIECE - 1}"}
            connection.request("GET", _target(sas), headers=headers)
            answer = connection.getresponse()
            assert answer.status == 206
            view = memoryview(buffer)
            while len(view):
                view = view[answer.readinto(view) :]
            answer.read()
        best = max(best, _PIECES * _PIECE / (time.monotonic() - started))
    connection.close()
    print(f"\nranged reads from one client: {best / 1e6:.0f} MB/s")
    assert best >= _PROMISED


def test_one_client_uploads_blocks_at_the_promised_speed(azure: Azure, fresh: Control) -> None:
    del fresh
    account = (
        f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups/backup"
        "/providers/Microsoft.Storage/storageAccounts/shopbackups?api-version=2024-01-01"
    )
    blob: str = azure.call("GET", account).json()["properties"]["primaryEndpoints"]["blob"]
    token = azure.token("https://storage.azure.com/.default")
    url = f"{blob.rstrip('/')}/backups/speed"
    connection = _connection(azure, url)
    data = os.urandom(_PIECE)
    best = 0.0
    for _ in range(_ROUNDS):
        started = time.monotonic()
        for number in range(_PIECES):
            block = base64.b64encode(b"%08d" % number).decode().replace("=", "%3D")
            path = f"{urlsplit(url).path}?comp=block&blockid={block}"
            headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2025-01-05"}
            connection.request("PUT", path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 201, text
        best = max(best, _PIECES * _PIECE / (time.monotonic() - started))
    connection.close()
    print(f"\nblock uploads from one client: {best / 1e6:.0f} MB/s")
    assert best >= _PROMISED
