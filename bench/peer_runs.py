"""Images for ``peer_bench.py``, and runs of it.

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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
MADE: Final = "made"
FILE_SYSTEMS: Final = "file systems"
_SIZE: Final = "2GiB"
_NOT_COMPILED: Final = "PYTHONDONTWRITEBYTECODE"


def images(name: str, folder: Path) -> Path:
    """The set of this name (``MADE`` or ``FILE_SYSTEMS``), made in the folder unless it is kept."""
    made = Path(os.environ.get("BENCH_IMAGES", folder)) / name.replace(" ", "-")
    if (made / "set.json").exists():
        return made
    if name == FILE_SYSTEMS:
        subprocess.run([sys.executable, str(HERE / "make_fs_disks.py"), str(made)], check=True)
    else:
        subprocess.run(
            [
                *(sys.executable, str(HERE / "make_disks.py"), str(made)),
                *("--size", _SIZE, "--machines", "2", "--generation", "1"),
            ],
            check=True,
        )
    return made


def report(of: Path, rounds: int, arguments: Sequence[str], folder: Path) -> Any | None:
    """What a run on these images reports; None if it failed. It prints its own tables."""
    first = [Path(sys.executable).parent]
    if restic := os.environ.get("BENCH_RESTIC"):
        first.append(Path(restic).parent)
    path = os.pathsep.join([*map(str, first), os.environ["PATH"]])
    # As a package is installed: with its modules compiled.
    compileall.compile_dir(str(HERE.parent / "src"), quiet=1)
    environment = {name: value for name, value in os.environ.items() if name != _NOT_COMPILED}
    written = folder / "report.json"
    run = subprocess.run(
        [
            *(sys.executable, str(HERE / "peer_bench.py"), "--images", str(of)),
            *("--repeat", str(rounds), "--json", str(written), *arguments),
        ],
        cwd=folder,
        env={**environment, "PATH": path},
        check=False,
    )
    return json.loads(written.read_text()) if run.returncode == 0 else None
