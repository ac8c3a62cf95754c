"""`kyanite serve` as a process: HTTPS only, killed and started again, drained by SIGTERM."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest

from support.ports import free_port
from support.waiting import eventually

PASSWORD = "S3cure-Passw0rd"
FIRST = {"KYANITE_ADMIN_USERNAME": "admin", "KYANITE_ADMIN_PASSWORD": PASSWORD}


def call(
    port: int, method: str, path: str, token: str = "", **form: str
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=30, context=ssl._create_unverified_context()
    )
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, urlencode(form) if form else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else {}


def is_up(port: int) -> bool:
    try:
        return call(port, "GET", "/api/v8.1/system/serviceIsUp")[0] == 200
    except OSError:
        return False


@contextmanager
def serving(
    folder: Path, port: int, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KYANITE_")}
    with (folder.parent / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kyanite", "serve", "--data", str(folder), "--port", str(port)],
            env=clean | environment,
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: is_up(port), within_seconds=90, what="the appliance is up")
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_serves_https_only_survives_a_kill_and_drains_when_told(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    with serving(folder, port, FIRST) as process:
        status, pair = call(port, "POST", "/api/oauth2/token", username="admin", password=PASSWORD)
        assert status == 200
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(b"GET /api/v8.1/system/serviceIsUp HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGKILL)
        process.wait()
    # The administrator is there already: no environment is needed any more.
    with serving(folder, port, {}) as process:
        token = pair["access_token"]
        assert call(port, "GET", "/api/v8.1/system/about", token)[0] == 200
        status, renewed = call(
            port,
            "POST",
            "/api/oauth2/token",
            grant_type="Refresh_token",
            refresh_token=pair["refresh_token"],
        )
        assert status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    log = (tmp_path / "serve.log").read_text()
    for secret in (PASSWORD, token, pair["refresh_token"], renewed["access_token"]):
        assert secret not in log
    assert all(json.loads(line)["event"] for line in log.splitlines())


def test_it_opens_one_port_writes_private_files_and_tells_browsers_to_be_strict(
    tmp_path: Path,
) -> None:
    folder, port = tmp_path / "data", free_port()
    with serving(folder, port, FIRST) as process:
        listening = [
            one.laddr.port
            for one in psutil.Process(process.pid).net_connections(kind="inet")
            if one.status == psutil.CONN_LISTEN
        ]
        assert listening == [port]
        assert {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()} == {
            path.name: 0 for path in folder.iterdir()
        }
        assert folder.stat().st_mode & 0o077 == 0
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=30, context=ssl._create_unverified_context()
        )
        connection.request("GET", "/api/v8.1/system/about")
        answer = connection.getresponse()
        connection.close()
    assert answer.status == 401
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "server" not in answer.headers


def test_a_first_start_without_an_administrator_says_what_is_missing(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KYANITE_")}
    done = subprocess.run(
        [sys.executable, "-m", "kyanite", "serve", "--data", str(tmp_path), "--port", "1"],
        env=clean,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "KYANITE_ADMIN_USERNAME" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.measured
def test_an_idle_client_does_not_hold_up_the_end(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    with serving(folder, port, FIRST) as process:
        idle = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=30, context=ssl._create_unverified_context()
        )
        idle.request("GET", "/api/v8.1/system/serviceIsUp")
        assert idle.getresponse().read() is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        idle.close()
