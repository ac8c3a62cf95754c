"""Two hundred clients that send a byte now and then: the API stays quick for the others."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import ssl
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from kyanite.areas.appliance.routes import routers
from kyanite.base.clock import SystemClock
from kyanite.db.database import Database
from kyanite.server.http_limits import BoundedProtocol
from kyanite.server.live_certificate import LiveCertificate
from support.api import ApiUnderTest
from support.ports import free_port
from support.waiting import eventually

CONNECTIONS = 200
REQUESTS = 100
ABOUT = "/api/v8.1/system/about"
# What it sends, a byte at a time: some never end their head, some never their body.
HEAD = b"POST /api/oauth2/token HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 4096
BODY = b"POST /api/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n" + b"a" * 4096


@pytest.fixture
def port(sqlite_database: Database, tmp_path: Path) -> Iterator[int]:
    """The API behind TLS, as `kyanite serve` puts it together."""
    api = ApiUnderTest(sqlite_database, routers())
    certificate = LiveCertificate(tmp_path, "127.0.0.1", SystemClock())
    number = free_port()
    config = uvicorn.Config(
        api.app,
        port=number,
        ssl_context_factory=lambda _config, _default: certificate.context(),
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        log_config=None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, within_seconds=20)
    _headers.update(api.signed_in())
    yield number
    server.should_exit = True
    thread.join(30)
    api.close()


_headers: dict[str, str] = {}


class Dribblers:
    """The slow clients, on a loop of their own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.connected = 0
        self._ended = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._clients = asyncio.run_coroutine_threadsafe(self._all(), self._loop)

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(number) for number in range(CONNECTIONS)))

    async def _one(self, number: int) -> None:
        context = ssl._create_unverified_context()
        _, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=context)
        self.connected += 1
        text = HEAD if number % 2 else BODY
        for position in itertools.count():
            if self._ended.is_set() or position == len(text):
                break
            writer.write(text[position : position + 1])
            try:
                await asyncio.wait_for(self._ended.wait(), 0.2)
            except TimeoutError:
                continue
        writer.transport.abort()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._clients.result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)


def _times(port: int) -> list[float]:
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    taken = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", ABOUT, headers=_headers)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        taken.append(time.perf_counter() - began)
    connection.close()
    return taken


@pytest.mark.measured
def test_two_hundred_dribbling_connections_leave_the_api_quick(port: int) -> None:
    _times(port)
    dribblers = Dribblers(port)
    try:
        eventually(lambda: dribblers.connected == CONNECTIONS, within_seconds=60)
        taken = _times(port)
    finally:
        dribblers.end()
    assert statistics.median(taken) < 0.1, taken
    assert max(taken) < 2.0, taken
