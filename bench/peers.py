"""The engine beside other backup programs that are installed, in one run on the same images."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.results_table import Figure

HERE = Path(__file__).parent


def measure() -> list[Figure]:
    """Runs ``peer_bench.py --quick``, which prints its own tables."""
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory(prefix="kyanite-bench-") as folder:
        run = subprocess.run(
            [
                sys.executable,
                str(HERE / "peer_bench.py"),
                "--quick",
                "--extra",
                str(HERE / "kyanite.toml"),
            ],
            cwd=folder,
            env=environment,
            check=False,
        )
    return [Figure("peer_bench.py --quick", "see above", kept=run.returncode == 0)]
