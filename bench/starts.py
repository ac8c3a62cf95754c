"""How long the commands take to start: the help of `kyanite`, and `kyanite serve` until it answers.

The first start makes schema, keys and certificate; the second, after a kill, finds them.
"""

from __future__ import annotations

import http.client
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.results_table import Figure

sys.path.append(str(Path(__file__).parent.parent / "tests"))

HELP_SECONDS: Final = 0.6
SERVE_SECONDS: Final = 8.0
ROUNDS: Final = 5
_GIVE_UP_SECONDS: Final = 120.0
_LOGIN: Final = {"KYANITE_ADMIN_USERNAME": "admin", "KYANITE_ADMIN_PASSWORD": "Bench-me-9-times"}


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """The help, and two starts of the appliance on each database."""
    from support.postgresql import create_database, postgresql_server

    figures = [_figure("kyanite --help", _help_seconds(rounds), HELP_SECONDS)]
    figures += _starts("SQLite", "")
    with postgresql_server() as server:
        figures += _starts("PostgreSQL", create_database(server, "starts"))
    return figures


def _help_seconds(rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "kyanite", "--help"], check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _starts(name: str, database_url: str) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="kyanite-bench-") as folder:
        return [
            _figure(
                f"kyanite serve answers, {name}, {which} start",
                _seconds_until_it_answers(Path(folder), database_url),
                SERVE_SECONDS,
            )
            for which in ("first", "second")
        ]


def _seconds_until_it_answers(folder: Path, database_url: str) -> float:
    from support.ports import free_port
    from support.program import Program

    port = free_port()
    program = Program(
        ["serve", "--data", str(folder / "data"), "--port", str(port)],
        {**_LOGIN, "KYANITE_DATABASE_URL": database_url},
        folder / "log",
    )
    began = time.perf_counter()
    program.start()
    try:
        while not _is_up(port):
            if time.perf_counter() - began > _GIVE_UP_SECONDS:
                raise TimeoutError(program.output()[-2000:])
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        program.kill_tree()


def _is_up(port: int) -> bool:
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request("GET", "/api/v8.1/system/serviceIsUp")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _figure(name: str, seconds: float, most: float) -> Figure:
    return Figure(name, f"{seconds:.2f} s", f"under {most:g} s", seconds < most)
