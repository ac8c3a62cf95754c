"""The engine beside restic and borg, in one run on the same images; the engine's gate.

How to get the peers (any that is missing is skipped, and said so):

- restic 0.18 or later: the package ``restic`` of Debian 13, also on Debian 12: fetch it with
  ``apt-get download`` from a list of sources that names that release, unpack it anywhere
  with ``dpkg -x restic_*.deb FOLDER``, and say ``BENCH_RESTIC=FOLDER/usr/bin/restic`` (it is
  a static program and needs nothing).
- borg 1.4: ``pip install 'borgbackup>=1.4,<1.5'`` in a virtual environment of its own, after
  ``apt-get install build-essential pkg-config libacl1-dev libssl-dev liblz4-dev libzstd-dev
  libxxhash-dev python3-dev``; say ``BENCH_BORG=that/venv/bin/borg``.

``BENCH_IMAGES=FOLDER`` keeps the images for the next run.
"""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.gate import gate
from bench.results_table import Figure

HERE: Final = Path(__file__).parent
ROUNDS: Final = 3
_SIZE: Final = "2GiB"
_NEVER_RUN: Final = "casync,borg2"
_NOT_COMPILED: Final = "PYTHONDONTWRITEBYTECODE"


def measure(rounds: int = ROUNDS, quick: bool = False) -> list[Figure]:
    """Runs ``peer_bench.py`` on made disks and on file systems; it prints its own tables.

    File systems take minutes to make, and borg runs in two ways: a quick look leaves them out.
    """
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="kyanite-bench-") as folder:
        images = Path(os.environ.get("BENCH_IMAGES", folder))
        sets = {"made": False} if quick else {"made": False, "file systems": True}
        left_out = _NEVER_RUN + (",borg,borg-fixed" if quick else "")
        for name, file_systems in sets.items():
            made = images / name.replace(" ", "-")
            if not (made / "set.json").exists():
                _make(made, file_systems)
            report = Path(folder) / f"{name}.json"
            if not _run(made, rounds, left_out, report, Path(folder)):
                figures.append(Figure(f"{name}: peer_bench.py", "failed", "a run", False))
                continue
            document = json.loads(report.read_text())
            for contestant, version in document["versions"].items():
                if contestant != "kyanite":
                    figures.append(Figure(f"{name}: {contestant}", version))
            figures += gate(document["rounds"], name, file_systems)
    return figures


def _make(images: Path, file_systems: bool) -> None:
    if file_systems:
        subprocess.run([sys.executable, str(HERE / "make_fs_disks.py"), str(images)], check=True)
        return
    subprocess.run(
        [
            sys.executable,
            str(HERE / "make_disks.py"),
            str(images),
            *("--size", _SIZE, "--machines", "2", "--generation", "1"),
        ],
        check=True,
    )


def _run(images: Path, rounds: int, left_out: str, report: Path, folder: Path) -> bool:
    first = [Path(sys.executable).parent]
    if restic := os.environ.get("BENCH_RESTIC"):
        first.append(Path(restic).parent)
    path = os.pathsep.join([*map(str, first), os.environ["PATH"]])
    # As a package is installed: with its modules compiled.
    compileall.compile_dir(str(HERE.parent / "src"), quiet=1)
    environment = {name: value for name, value in os.environ.items() if name != _NOT_COMPILED}
    run = subprocess.run(
        [
            *(sys.executable, str(HERE / "peer_bench.py"), "--images", str(images)),
            *("--repeat", str(rounds), "--skip", left_out),
            *("--extra", str(HERE / "kyanite.toml"), "--json", str(report)),
        ],
        cwd=folder,
        env={**environment, "PATH": path},
        check=False,
    )
    return run.returncode == 0
