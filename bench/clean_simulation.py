"""Cleaning a simulated repository of 100 TB after one of 365 points has expired.

``python -m bench.clean_simulation [--machines 1000] [--points 365] [--expiring 0]``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

from bench.peak_memory import peak_bytes
from bench.results_table import Figure
from bench.simulated_repository import KEY, PACK_BYTES, REPOSITORY, SimulatedRepository
from kyanite.base.clock import SystemClock
from kyanite.base.units import MIB
from kyanite.engine.cleaning import clean
from kyanite.engine.control import NoControl


def run(machines: int, points: int, expiring: int) -> dict[str, object]:
    """Expire the oldest point of ``expiring`` machines, clean, and say what it took."""
    packs_of_full = 1086
    storage = SimulatedRepository(machines, points, packs_of_full)
    before = peak_bytes() // MIB
    alone = sum(storage.expire(machine, 0) for machine in range(expiring))
    began = time.monotonic()
    report = clean(storage, KEY, REPOSITORY, NoControl(), SystemClock())
    seconds = time.monotonic() - began
    assert report.freed_bytes == alone, (report.freed_bytes, alone)
    return {
        "packs": storage.packs,
        "terabytes": round(storage.packs * PACK_BYTES / 1e12, 1),
        "points": machines * points,
        "expired": expiring,
        "freed_packs": report.deleted_packs,
        "freed_mib": report.freed_bytes // MIB,
        "seconds": round(seconds, 1),
        "peak_mib": peak_bytes() // MIB,
        "peak_before_mib": before,
        "requests": dict(sorted(storage.requests.items())),
        "moved_mib": round(storage.bytes_moved / MIB, 1),
    }


def measure(quick: bool) -> list[Figure]:
    """What a night of expiry takes; ``quick``: of 200 machines."""
    machines = 200 if quick else 1000
    found = json.loads(
        subprocess.run(  # a process of its own, so that its peak of memory is its own
            [sys.executable, "-m", "bench.clean_simulation", "--machines", str(machines)],
            check=True,
            capture_output=True,
        ).stdout
    )
    seconds, peak = float(found["seconds"]), int(found["peak_mib"])
    what = f"{found['terabytes']} TB, {machines} machines, the oldest of 365 points of each expires"
    return [
        Figure(what, f"{seconds:.0f} s", "< 120 s", seconds < 120),
        Figure("memory, the simulated storage included", f"{peak} MiB", "< 1024 MiB", peak < 1024),
        Figure("packs given back", str(found["freed_packs"])),
        Figure("requests", ", ".join(f"{n} {kind}" for kind, n in found["requests"].items())),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--points", type=int, default=365)
    parser.add_argument("--expiring", type=int, default=0, help="machines; 0: all")
    options = parser.parse_args()
    expiring = options.expiring or options.machines
    print(json.dumps(run(options.machines, options.points, expiring)))


if __name__ == "__main__":
    main()
