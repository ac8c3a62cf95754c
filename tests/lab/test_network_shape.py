"""The slow network: what a transfer takes is what the figures say."""

import http.client
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from support.lab import Azure, Control

pytestmark = [pytest.mark.control, pytest.mark.measured]

# The control interface promises ten per cent; a busy test machine may only make it slower.
_TOO_FAST, _TOO_SLOW = 0.9, 2.0


def _connection(azure: Azure) -> http.client.HTTPSConnection:
    parts = urlsplit(azure.arm)
    context = ssl.create_default_context(cafile=azure.ca)
    return http.client.HTTPSConnection(str(parts.hostname), parts.port, context=context)


def _upload(azure: Azure, token: str, size: int) -> int:
    """A body that ARM reads and then refuses: all that counts here is the time."""
    connection = _connection(azure)
    path = f"/subscriptions/{azure.subscription_ids[0]}/resourcegroups/x?api-version=2025-04-01"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("PUT", path, b" " * size, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def _seconds(azure: Azure, token: str, size: int, connections: int = 1) -> float:
    with ThreadPoolExecutor(connections) as pool:
        started = time.monotonic()
        uploads = [pool.submit(_upload, azure, token, size) for _ in range(connections)]
        assert [upload.result() for upload in uploads] == [400] * connections
        return time.monotonic() - started


def _check(seconds: float, expected: float) -> None:
    assert _TOO_FAST * expected <= seconds <= _TOO_SLOW * expected, (seconds, expected)


def test_each_connection_has_its_own_rate(azure: Azure, control: Control) -> None:
    token = azure.token()
    control.add_fault(path="resourcegroups/x", bytesPerSecond=8_000_000)
    _check(_seconds(azure, token, 4_000_000), 0.5)
    _check(_seconds(azure, token, 4_000_000, connections=3), 0.5)


def test_all_connections_share_the_total_rate(azure: Azure, control: Control) -> None:
    token = azure.token()
    control.add_fault(path="resourcegroups/x", totalBytesPerSecond=12_000_000)
    _check(_seconds(azure, token, 2_000_000, connections=3), 0.5)


def test_every_request_pays_the_latency(azure: Azure, control: Control) -> None:
    token = azure.token()
    control.add_fault(path="resourcegroups$", latencyMs=50)
    path = f"/subscriptions/{azure.subscription_ids[0]}/resourcegroups?api-version=2025-04-01"
    connection = _connection(azure)
    started = time.monotonic()
    for _ in range(10):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        connection.getresponse().read()
    _check(time.monotonic() - started, 0.5)
    connection.close()


def test_answers_are_slow_too(azure: Azure, control: Control) -> None:
    control.add_fault(path="metadata/endpoints", bytesPerSecond=4_000)
    connection = _connection(azure)
    started = time.monotonic()
    connection.request("GET", "/metadata/endpoints?api-version=2022-09-01")
    size = len(connection.getresponse().read())
    # The first bytes may pass at once, and the answer is short: only the lower bound is exact.
    assert time.monotonic() - started >= 0.8 * size / 4_000
    connection.close()
