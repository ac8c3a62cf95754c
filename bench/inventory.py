"""The inventory of a large company: the first look, and one after a few changes.

The lab has 20 subscriptions with 50 000 machines among 200 000 resources (``bench.crowd``). What
is counted is the appliance's own CPU time and memory: a process of its own that does nothing else
looks at everything as one service account and writes it into a SQLite database.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench import crowd
from bench.crowd import Crowd, subscription_ids
from bench.peak_memory import peak_bytes
from bench.results_table import Figure
from kyanite.areas.accounts import AzureAccess, Clouds, ServiceAccounts
from kyanite.areas.accounts.credentials import Credential
from kyanite.areas.accounts.drafts import AccountLogin, NewAccount
from kyanite.areas.inventory import Inventory, MachineFilter, machines_query
from kyanite.base.clock import SystemClock
from kyanite.base.units import MIB
from kyanite.db.database import Database, sqlite_url
from kyanite.db.migrate import upgrade
from kyanite.db.secrets import SecretBox

CPU_SECONDS = 180.0
MEMORY_MIB = 500
CHANGED = 0.01


@dataclass(frozen=True)
class Look:
    """What one look at everything took."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: int
    machines: int
    changed: int


def measure(subscriptions: int = crowd.SUBSCRIPTIONS) -> Sequence[Figure]:
    """Both looks. Of fewer subscriptions, as much less time is promised."""
    with tempfile.TemporaryDirectory(prefix="kyanite-inventory-") as folder:
        lab, database = Path(folder, "lab"), Path(folder, "kyanite.db")
        lab.mkdir()
        with _lab(lab):
            pass  # makes its scene
        company = Crowd(lab, subscriptions)
        resources = company.fill()
        company.close()
        with _lab(lab) as azure:
            first = _look_apart(azure, database, subscriptions)
        company = Crowd(lab, subscriptions)
        company.change(CHANGED)
        company.close()
        with _lab(lab) as azure:
            second = _look_apart(azure, database, subscriptions)
    promise = CPU_SECONDS * subscriptions / crowd.SUBSCRIPTIONS
    of_all = f"{subscriptions} subscriptions, {first.machines:,} machines, {resources:,} resources"
    return [
        _cpu(f"first look: {of_all}", first, promise),
        _memory("first look", first),
        _cpu(f"second look, {second.changed:,} machines changed", second, promise / 5),
        _memory("second look", second),
    ]


def _cpu(name: str, look: Look, promise: float) -> Figure:
    return Figure(
        f"{name}: own CPU",
        f"{look.cpu_seconds:.1f} s (in {look.wall_seconds:.0f} s)",
        f"under {promise:.0f} s",
        look.cpu_seconds < promise,
    )


def _memory(name: str, look: Look) -> Figure:
    kept = look.peak_mib <= MEMORY_MIB
    return Figure(f"{name}: memory", f"{look.peak_mib} MiB", f"{MEMORY_MIB} MiB", kept)


@contextmanager
def _lab(directory: Path) -> Iterator[Mapping[str, str]]:
    """The lab in a directory while it runs; what its ``lab.json`` says."""
    command = [sys.executable, "-m", "azlab", "serve", "--data", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # comes when everything answers
        azure: dict[str, str] = json.loads((directory / "lab.json").read_text())
        yield azure
    finally:
        process.terminate()
        process.wait()


def _look_apart(azure: Mapping[str, str], database: Path, subscriptions: int) -> Look:
    """A look by a process of its own, whose CPU and memory are nobody else's."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_look, args=(there, dict(azure), database, subscriptions))
    process.start()
    there.close()
    try:
        found: Look = here.recv()
    finally:
        process.join()
    return found


def _look(answer: Connection, azure: Mapping[str, str], path: Path, subscriptions: int) -> None:
    database = Database(sqlite_url(path))
    upgrade(database)
    clock, secrets = SystemClock(), SecretBox(bytes(32))
    access = AzureAccess(database, secrets, Clouds(azure["arm"], azure["ca"]))
    inventory = Inventory(database, access, clock)
    accounts = ServiceAccounts(database, secrets, access, clock)
    with database.reading() as db:
        before = {m.id: m for m in machines_query(db)}
    is_new = not before
    tags = {id_: machine.tags for id_, machine in before.items()}
    before.clear()
    started, cpu = time.monotonic(), time.process_time()
    if is_new:
        accounts.save(_account(azure, subscriptions))
    inventory.rescan()
    cpu, wall = time.process_time() - cpu, time.monotonic() - started
    peak = peak_bytes() // MIB
    with database.reading() as db:
        machines = machines_query(db, MachineFilter())
    changed = sum(1 for machine in machines if tags.get(machine.id) != machine.tags)
    answer.send(Look(cpu, wall, peak, len(machines), changed))


def _account(azure: Mapping[str, str], subscriptions: int) -> NewAccount:
    login = AccountLogin(
        environment="Global",
        application_id=azure["clientId"],
        tenant_id=azure["tenantId"],
        credential=Credential(secret=azure["clientSecret"]),
        certificate_name=None,
        purposes=("VirtualMachineBackup",),
        subscription_ids=tuple(subscription_ids(subscriptions)),
    )
    return NewAccount("company", None, login)
