"""How fast one client reads from the lab's disks and uploads blocks to its storage."""

from __future__ import annotations

import http.client
import ssl
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np

from bench.results_table import Figure
from demo.azure import BLOB_VERSION, Azure, Lab
from demo.processes import House

MIB = 1 << 20
PIECE = 8 * MIB
TOTAL = 512 * MIB
ROUNDS = 3
PROMISED_MB_PER_SECOND = 400


def measure() -> list[Figure]:
    """Ranged reads over a signed URL, and block uploads with a bearer token."""
    house = House()
    try:
        lab = house.start_lab()
        azure = Azure(lab)
        return [
            _figure("ranged reads from a disk", _reader(lab, azure)),
            _figure("block uploads to a container", _uploader(lab, azure)),
        ]
    finally:
        house.close()


def _figure(name: str, once: Callable[[], None]) -> Figure:
    rates = []
    for _ in range(ROUNDS):
        started = time.monotonic()
        once()
        rates.append(TOTAL / 1e6 / (time.monotonic() - started))
    rate = statistics.median(rates)
    return Figure(
        name,
        f"{rate:,.0f} MB/s (median of {ROUNDS}: {', '.join(f'{r:,.0f}' for r in rates)})",
        f"{PROMISED_MB_PER_SECOND} MB/s",
        rate >= PROMISED_MB_PER_SECOND,
    )


def _connection(lab: Lab, url: str) -> http.client.HTTPSConnection:
    parts = urlsplit(url)
    assert parts.hostname is not None
    context = ssl.create_default_context(cafile=lab.ca)
    return http.client.HTTPSConnection(parts.hostname, parts.port, context=context)


def _reader(lab: Lab, azure: Azure) -> Callable[[], None]:
    disk_id = _first_disk(azure)
    data = np.random.default_rng(7).bytes(PIECE)
    for offset in range(0, TOTAL, PIECE):
        azure.guest_write(disk_id, (4 << 30) + offset, data)
    group = disk_id[: disk_id.lower().index("/providers/")]
    snapshot_id = f"{group}/providers/Microsoft.Compute/snapshots/bench"
    azure.put(
        snapshot_id,
        {
            "location": azure.get(disk_id)["location"],
            "properties": {
                "incremental": True,
                "creationData": {"createOption": "Copy", "sourceResourceId": disk_id},
            },
        },
    )
    url = azure.read_access(snapshot_id)
    connection = _connection(lab, url)
    path = url[url.index("/", len("https://")) :]
    buffer = bytearray(PIECE)

    def once() -> None:
        for offset in range(4 << 30, (4 << 30) + TOTAL, PIECE):
            headers = {
                "x-ms-version": BLOB_VERSION,
                "x-ms-range": f"bytes={offset}-{offset + PIECE - 1}",
            }
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            view = memoryview(buffer)
            while view:
                count = answer.readinto(view)
                view = view[count:]
            answer.read()
        assert bytes(buffer) == data

    return once


def _uploader(lab: Lab, azure: Azure) -> Callable[[], None]:
    account = azure.storage_account()
    endpoint = account["properties"]["primaryEndpoints"]["blob"].rstrip("/")
    containers = list(azure.list(f"{account['id']}/blobServices/default/containers"))
    base = f"{endpoint}/{containers[0]['name']}/bench"
    connection = _connection(lab, base)
    path = base[base.index("/", len("https://")) :]
    data = np.random.default_rng(8).bytes(PIECE)

    def once() -> None:
        token = azure.token("https://storage.azure.com/.default")
        for number in range(TOTAL // PIECE):
            connection.request(
                "PUT",
                f"{path}?comp=block&blockid={number:08}",
                body=data,
                headers={"x-ms-version": BLOB_VERSION, "Authorization": f"Bearer {token}"},
            )
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 201, body

    return once


def _first_disk(azure: Azure) -> str:
    for subscription in azure.lab.subscription_ids:
        for disk in azure.list(f"/subscriptions/{subscription}/providers/Microsoft.Compute/disks"):
            return str(disk["id"])
    raise LookupError("the scene has no disks")
