"""The engine beside restic over a slow line: blob storage for ours, restic's REST protocol.

Both stand behind lines of the same kind, speak TLS and run the steps of ``peer_bench.py`` on
made disks. restic runs as it comes, with 5 connections, and with as many as fill the line.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from bench.far_line import FarLine
from bench.gate import OURS
from bench.peer_runs import HERE, MADE, images, report
from bench.restic_server import Server, serving
from bench.results_table import Figure
from bench.slow_storage import LINE
from demo.azure import Azure, Lab
from demo.processes import House

ROUNDS: Final = 3
_RESTIC: Final = "restic"
_MORE_CONNECTIONS: Final = 10  # fill the line
_RESTIC_FILLING: Final = f"restic-{_MORE_CONNECTIONS}"
_PASSWORD: Final = "correct horse battery staple"
_STEPS: Final = ("full", "incremental", "second", "restore0", "restore1")
_OWN_PROGRAMS: Final = "none"  # of those that peer_bench.py knows by itself
_SAS_LIFE: Final = timedelta(hours=6)


@dataclass(frozen=True)
class Contestant:
    """A description for ``peer_bench.py``, and the line to its storage."""

    description: Mapping[str, Any]
    line: FarLine

    @property
    def name(self) -> str:
        return str(self.description["name"])


def measure(rounds: int = ROUNDS, quick: bool = False) -> list[Figure]:
    """Walls of each step and of all, and what went over the lines.

    A quick look leaves out the restic that fills the line.
    """
    with tempfile.TemporaryDirectory(prefix="kyanite-far-") as name, ExitStack() as kept:
        folder = Path(name)
        server = kept.enter_context(serving(folder / "restic"))
        contestants = [_restic(kept.enter_context(_line(server.port)), server, _RESTIC, ())]
        if not quick:
            more = ("-o", f"rest.connections={_MORE_CONNECTIONS}")
            line = kept.enter_context(_line(server.port))
            contestants.append(_restic(line, server, _RESTIC_FILLING, more))
        contestants.append(kept.enter_context(_ours(folder)))
        arguments = ["--only", _OWN_PROGRAMS, "--against", OURS]
        for one in contestants:
            described = folder / f"{one.name}.json"
            described.write_text(json.dumps(one.description))
            arguments += ["--extra", str(described)]
        document = report(images(MADE, folder), rounds, arguments, folder)
    if document is None:
        return [Figure("peer_bench.py over a line", "failed", "a run", False)]
    return _figures(document, contestants)


def _line(server_port: int) -> FarLine:
    return FarLine(server_port, LINE)


def _restic(line: FarLine, server: Server, name: str, options: Sequence[str]) -> Contestant:
    """As ``peer_bench.py`` runs it in a folder, with another address."""
    command = [
        *("restic", "-q", "-r", f"rest:https://127.0.0.1:{line.port}{{repo}}"),
        *("--cacert", str(server.ca_file), *options),
    ]
    description = {
        "name": name,
        "version": "restic version",
        "note": f"REST protocol {' '.join(options)}",
        "init": [*command, "init", "--repository-version", "2"],
        "full": [*command, "backup", "--host", "bench", "--tag", "{label}", "{image}"],
        "restore": [*command, "restore", "latest", "--tag", "{label}", "--target", "{outdir}"],
        "size": ["du", "-sb", f"{server.folder}{{repo}}"],
        "env": {
            "RESTIC_PASSWORD": _PASSWORD,
            "RESTIC_CACHE_DIR": "{work}/restic-cache",
            "RESTIC_PROGRESS_FPS": "0.1",
        },
    }
    return Contestant(description, line)


@contextmanager
def _ours(folder: Path) -> Iterator[Contestant]:
    """A container of a lab behind a line."""
    house = House(folder / "house")
    try:
        lab = house.start_lab()
        container, sas = _container(lab)
        parts = urlsplit(container)
        assert parts.port is not None
        with _line(parts.port) as line:
            address = f"https://127.0.0.1:{line.port}{parts.path}{{repo}}"
            yield Contestant(_our_description(lab, container, address, sas), line)
    finally:
        house.close()


def _our_description(lab: Lab, container: str, address: str, sas: str) -> Mapping[str, Any]:
    """As in ``kyanite.toml``, with another address."""
    near = tomllib.loads((HERE / "kyanite.toml").read_text())
    return {
        **{member: text.replace("file://{repo}", address) for member, text in near.items()},
        "note": "blob storage",
        "size": [sys.executable, "-m", "bench.container_size", container, "{repo}"],
        "env": {
            "KYANITE_AZURE_CA_FILE": lab.ca,
            "KYANITE_STORAGE_SAS": sas,
            "PYTHONPATH": str(HERE.parent),  # for the size
        },
    }


def _container(lab: Lab) -> tuple[str, str]:
    """A new container in the first account of the scene: its URL, and a SAS for all in it."""
    azure = Azure(lab)
    account = azure.storage_account()
    azure.put(f"{account['id']}/blobServices/default/containers/far", {"properties": {}})
    sas = generate_container_sas(
        account["name"],
        "far",
        account_key=azure.account_key(account["id"]),
        permission=ContainerSasPermissions(
            read=True, add=True, create=True, write=True, delete=True, list=True
        ),
        expiry=datetime.now(UTC) + _SAS_LIFE,
    )
    return f"{account['properties']['primaryEndpoints']['blob'].rstrip('/')}/far", sas


def _figures(document: Mapping[str, Any], contestants: Sequence[Contestant]) -> list[Figure]:
    rounds = document["rounds"]
    ran = [one for one in contestants if one.name in document["versions"]]
    figures = [
        Figure(one.name, document["versions"].get(one.name, "was not run"))
        for one in contestants
        if one.name != OURS
    ]
    for step in _STEPS:
        figures += _walls(step, [step], rounds, ran)
    figures += _walls("whole run", _STEPS, rounds, ran)
    figures += [
        Figure(
            f"{one.name}: over the line in a run",
            f"{one.line.requests / len(rounds):,.0f} requests with handshakes, "
            f"{one.line.moved_bytes / len(rounds) / 1e6:,.0f} MB",
        )
        for one in ran
    ]
    return figures


def _walls(
    what: str,
    steps: Sequence[str],
    rounds: Sequence[Mapping[str, Any]],
    contestants: Sequence[Contestant],
) -> list[Figure]:
    """Medians of the rounds; ratios are taken inside each round."""
    walls = {
        one.name: [sum(run[one.name][step]["wall"] for step in steps) for run in rounds]
        for one in contestants
    }
    figures = []
    for name, seconds in walls.items():
        if name == OURS:
            continue
        ratio = statistics.median(
            theirs / ours for theirs, ours in zip(seconds, walls[OURS], strict=True)
        )
        figures.append(
            Figure(
                f"{what}, wall, {name} / ours",
                f"{ratio:.2f} ({statistics.median(seconds):.1f} and "
                f"{statistics.median(walls[OURS]):.1f} s)",
            )
        )
    return figures
