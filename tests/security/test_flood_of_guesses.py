"""A hundred wrong passwords a second for a minute, at a real appliance.

The rest of the API stays quick for somebody who is signed in, memory stays flat, and the account
is locked: even the right password is not looked at.
"""

from __future__ import annotations

import http.client
import json
import ssl
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from support.ports import free_port
from support.program import Program
from support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.measured]

PASSWORD = "S3cure-Passw0rd"
SECONDS, PER_SECOND, THREADS = 60, 100, 10
LOGIN = "/api/oauth2/token"
MIB = 1 << 20


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        context = ssl._create_unverified_context()
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=30, context=context
        )

    def call(self, method: str, path: str, token: str = "", **form: str) -> tuple[int, str, str]:
        """Status, body, and `Retry-After`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, urlencode(form) if form else None, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers.get("Retry-After", "")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    number = free_port()
    settings = {"KYANITE_ADMIN_USERNAME": "admin", "KYANITE_ADMIN_PASSWORD": PASSWORD}
    arguments = ["serve", "--data", str(tmp_path / "data"), "--port", str(number)]
    program = Program(arguments, settings, tmp_path / "serve.log")
    program.start()

    def is_up() -> bool:
        try:
            return Client(number).call("GET", "/api/v8.1/system/serviceIsUp")[0] == 200
        except OSError:
            return False

    eventually(is_up, within_seconds=90, what="the appliance is up")
    yield number
    program.kill_tree()


def resident_bytes(port: int) -> int:
    """Of the process that listens there."""
    for one in psutil.net_connections(kind="inet"):
        address = one.laddr
        if one.status == psutil.CONN_LISTEN and address and address.port == port and one.pid:
            return int(psutil.Process(one.pid).memory_info().rss)
    raise AssertionError("nobody listens")


def test_the_api_stays_quick_memory_flat_and_the_account_locks(port: int) -> None:
    pair = json.loads(Client(port).call("POST", LOGIN, username="admin", password=PASSWORD)[1])
    began, answers, delays = time.monotonic(), [], []

    def guess(number: int) -> None:
        client, sent = Client(port), 0
        while (due := began + (sent * THREADS + number) / PER_SECOND) < began + SECONDS:
            wait(due)
            form = {"username": "admin", "password": f"wrong-{number}-{sent}"}
            answers.append(client.call("POST", LOGIN, **form)[0])
            sent += 1

    def wait(due: float) -> None:
        threading.Event().wait(max(0.0, due - time.monotonic()))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    other, early = Client(port), 0
    while time.monotonic() < began + SECONDS:
        asked = time.monotonic()
        status, _, _ = other.call("GET", "/api/v8.1/users?Limit=1", pair["access_token"])
        delays.append(time.monotonic() - asked)
        assert status == 200
        if not early and asked > began + 10:
            early = resident_bytes(port)
        wait(asked + 0.05)
    for thread in threads:
        thread.join()
    grown = resident_bytes(port) - early
    status, _, retry_after = Client(port).call("POST", LOGIN, username="admin", password=PASSWORD)
    print(
        f"{len(answers)} guesses in {time.monotonic() - began:.0f} s; others: median "
        f"{statistics.median(delays) * 1000:.1f} ms, 99 % within "
        f"{statistics.quantiles(delays, n=100)[98] * 1000:.1f} ms; memory grew by "
        f"{grown / MIB:.1f} MiB"
    )
    assert set(answers) == {401}
    assert len(answers) >= 0.95 * SECONDS * PER_SECOND
    assert statistics.median(delays) < 0.05
    assert statistics.quantiles(delays, n=100)[98] < 0.5
    assert grown < 8 * MIB
    assert (status, int(retry_after) > 0) == (401, True)
