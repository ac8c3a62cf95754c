"""The engine beside restic and borg, in one run on the same images; the engine's gate.

How to get the peers is in ``bench/peer_runs.py``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from bench.gate import OURS, gate
from bench.peer_runs import FILE_SYSTEMS, HERE, MADE, images, report
from bench.results_table import Figure

ROUNDS: Final = 3
_NEVER_RUN: Final = "casync,borg2"


def measure(rounds: int = ROUNDS, quick: bool = False) -> list[Figure]:
    """Runs ``peer_bench.py`` on made disks and on file systems.

    File systems take minutes to make, and borg runs in two ways: a quick look leaves them out.
    """
    figures: list[Figure] = []
    left_out = _NEVER_RUN + (",borg,borg-fixed" if quick else "")
    arguments = ["--skip", left_out, "--extra", str(HERE / "kyanite.toml")]
    with tempfile.TemporaryDirectory(prefix="kyanite-bench-") as folder:
        for name in [MADE] if quick else [MADE, FILE_SYSTEMS]:
            document = report(images(name, Path(folder)), rounds, arguments, Path(folder))
            if document is None:
                figures.append(Figure(f"{name}: peer_bench.py", "failed", "a run", False))
                continue
            for contestant, version in document["versions"].items():
                if contestant != OURS:
                    figures.append(Figure(f"{name}: {contestant}", version))
            figures += gate(document["rounds"], name, name == FILE_SYSTEMS)
    return figures
