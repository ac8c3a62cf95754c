"""Lists of sessions over a history of a million, and requests a second; on both databases.

The appliance is a process of its own, asked over HTTPS on one connection as a client would; what
is shown is the time of a request as the client sees it.
"""

from __future__ import annotations

import os
import shutil
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import psutil

from bench.results_table import Figure
from bench.session_history import DAYS, machine_id, machine_name, policy_id, write_history
from kyanite.areas.repositories.facts import location_key
from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.base.identifiers import new_id
from kyanite.base.settings import Settings
from kyanite.server.wiring import wire

sys.path.append(str(Path(__file__).parent.parent / "tests"))

SESSIONS = 1_000_000
LAST_OFFSET = 99_900
REPOSITORIES = 100
NAME, PASSWORD = "backupadmin", "Bench-me-9-times"
MIB = 1 << 20
ROUNDS = 15
RATE_SECONDS = 5.0


@dataclass(frozen=True)
class Promise:
    """Most milliseconds of a page, and fewest requests a second."""

    page_ms: float
    search_ms: float
    pages_a_second: float
    objects_a_second: float


PROMISES = {
    "SQLite": Promise(30, 250, 150, 800),
    "PostgreSQL": Promise(60, 250, 75, 400),
}


def measure(sessions: int = SESSIONS) -> list[Figure]:
    """All figures, first with SQLite, then with PostgreSQL."""
    from support.postgresql import create_database, postgresql_server

    figures = []
    with _folder() as folder:
        figures += measure_one("SQLite", folder, "", sessions)
    with _folder() as folder, postgresql_server() as server:
        figures += measure_one("PostgreSQL", folder, create_database(server, "lists"), sessions)
    return figures


def measure_one(name: str, folder: Path, database_url: str, sessions: int) -> list[Figure]:
    """The figures of one database."""
    now = datetime.now(UTC)
    prepare(folder, database_url, now, sessions)
    with serving(folder, database_url) as client:
        return [*_pages(name, client, now, sessions), *_rates(name, client)]


def prepare(folder: Path, database_url: str, now: datetime, sessions: int) -> None:
    """An appliance with a long past and some repositories."""
    appliance = wire(
        Settings(
            data_dir=folder,
            admin_username=NAME,
            admin_password=PASSWORD,
            arm_endpoint="https://127.0.0.1:9",
            database_url=database_url,
        )
    )
    write_history(appliance.database, now, sessions)
    with appliance.database.writing() as db:
        db.add_all([_repository(number, now) for number in range(REPOSITORIES)])
    appliance.stop()


class Client:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.connection = HTTPSConnection("127.0.0.1", port, context=context, timeout=120)
        self.headers: dict[str, str] = {}
        self.process: psutil.Process | None = None

    def sign_in(self) -> None:
        """Get a token; raises OSError while nobody answers."""
        form = urlencode({"grant_type": "Password", "username": NAME, "password": PASSWORD})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", "/api/oauth2/token", form, headers)
        token = orjson.loads(self.connection.getresponse().read())["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> bytes:
        """The body of an answer, which is 200."""
        self.connection.request("GET", f"/api/v8.1{path}", headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {body[:500]!r}")
        return body


@contextmanager
def serving(folder: Path, database_url: str) -> Iterator[Client]:
    """The appliance as a process, and a client that is signed in."""
    from support.ports import free_port
    from support.program import Program

    port = free_port()
    settings = {"KYANITE_ARM_ENDPOINT": "https://127.0.0.1:9"}
    if database_url:
        settings["KYANITE_DATABASE_URL"] = database_url
    arguments = ["serve", "--data", str(folder), "--port", str(port)]
    program = Program(arguments, settings, folder / "serve.log")
    program.start()
    try:
        client = Client(port)
        deadline = time.monotonic() + 90
        while True:
            try:
                client.sign_in()
                break
            except OSError:
                client.connection.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        client.process = psutil.Process(program.pid)
        yield client
    finally:
        program.stop()


def questions(now: datetime, sessions: int) -> Mapping[str, dict[str, Any]]:
    """What is asked, with what it is called."""
    far = min(LAST_OFFSET, sessions * 2 // 5)
    middle = now - timedelta(days=DAYS / 2)
    month = {"FromUtc": _time(middle), "ToUtc": _time(middle + timedelta(days=30))}
    return {
        "all": {},
        f"all, offset {far}": {"Offset": far},
        "a status": {"Status": "Error"},
        "a rare status": {"Status": "Canceled"},
        f"a frequent status, offset {far}": {"Status": "Success", "Offset": far},
        f"types, offset {far}": {
            "Types": "PolicySnapshot,PolicyBackup,RestoreVms",
            "Offset": far,
        },
        "a rare type": {"Types": "RepositoryCreation"},
        "types and statuses": {
            "Types": "RestoreVms,BackupRetention,RepositoryEdit",
            "Status": "Error,Canceled",
        },
        "a month": month,
        "a month, type and status": {**month, "Types": "PolicyBackup", "Status": "Warning"},
        f"since the middle, offset {far}": {"ToUtc": month["ToUtc"], "Offset": far},
        "a policy": {"PolicyId": policy_id(7)},
        "a policy, types, status, a month": {
            **month,
            "PolicyId": policy_id(7),
            "Types": "PolicyBackup",
            "Status": "Success",
        },
        "a machine": {"ResourceId": machine_id(77)},
        "a machine and a status": {"ResourceId": machine_id(77), "Status": "Error"},
        "search: name of a policy": {"Filter": "policy 042"},
        "search: name of a machine": {"Filter": machine_name(1234)},
        "search: part of many names": {"Filter": "department 3"},
        "search: nothing is called so": {"Filter": "no such name"},
    }


def _pages(name: str, client: Client, now: datetime, sessions: int) -> Iterator[Figure]:
    promise = PROMISES[name]
    assert client.process is not None
    client.get("/jobSessions")
    memory = client.process.memory_info().rss
    for what, query in questions(now, sessions).items():
        path = f"/jobSessions?{urlencode(query)}"
        body = orjson.loads(client.get(path))
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            client.get(path)
            times.append((time.perf_counter() - began) * 1000)
        median = statistics.median(times)
        most = promise.search_ms if what.startswith("search") else promise.page_ms
        yield Figure(
            f"{name}: {what}",
            f"{median:.1f} ms ({len(body['results'])} of {body['totalCount']})",
            f"{most:.0f} ms",
            median <= most,
        )
    grown = (client.process.memory_info().rss - memory) / MIB
    yield Figure(f"{name}: memory that lists left behind", f"{grown:.0f} MiB", "64 MiB", grown < 64)


def _rates(name: str, client: Client) -> Iterator[Figure]:
    promise = PROMISES[name]
    repository_id = orjson.loads(client.get("/repositories?Limit=1"))["results"][0]["id"]
    for what, path, least in (
        ("pages of 100 repositories", "/repositories", promise.pages_a_second),
        ("single repositories", f"/repositories/{repository_id}", promise.objects_a_second),
    ):
        client.get(path)
        assert client.process is not None
        used = sum(client.process.cpu_times()[:2])
        count, began = 0, time.perf_counter()
        while (seconds := time.perf_counter() - began) < RATE_SECONDS:
            client.get(path)
            count += 1
        rate = count / seconds
        cpu_ms = (sum(client.process.cpu_times()[:2]) - used) / count * 1000
        measured = f"{rate:.0f} a second ({cpu_ms:.2f} ms of processor each)"
        yield Figure(f"{name}: {what}", measured, f"{least:.0f}", rate >= least)


def _repository(number: int, now: datetime) -> RepositoryRow:
    storage = f"storage-{number}"
    return RepositoryRow(
        id=new_id(),
        name=f"vault {number:03}",
        name_key=f"vault {number:03}",
        description="for the bench",
        account_id=new_id(),
        tenant_id=new_id(),
        environment="Global",
        storage_account_id=storage,
        storage_account_azure_id=f"/subscriptions/s/storageAccounts/{storage}",
        storage_account_name=storage,
        container="backups",
        folder=f"folder-{number}",
        location_key=location_key(storage, "backups", f"folder-{number}"),
        region="westeurope",
        status="Ready",
        tier="Hot",
        tier_inferred=False,
        is_encrypted=True,
        immutability_enabled=False,
        created_at=now,
    )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="kyanite-lists-"))
    os.chmod(folder, 0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
