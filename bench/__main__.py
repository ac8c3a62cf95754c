"""``python -m bench``: every benchmark, or those named as arguments."""

from __future__ import annotations

import sys

from rich.console import Console

from bench import lab_throughput, peers, whole_house
from bench.results_table import show, write

BENCHMARKS = {
    "lab": ("The lab, one client", lab_throughput.measure),
    "house": ("Lab and appliance", whole_house.measure),
    "peers": ("Beside other programs", peers.measure),
}


def main() -> int:
    """0 when every promise was kept."""
    console = Console()
    chosen = sys.argv[1:] or list(BENCHMARKS)
    kept = True
    for name in chosen:
        title, measure = BENCHMARKS[name]
        figures = measure()
        show(console, title, figures)
        console.print(f"written to {write(name, figures)}")
        kept = kept and all(figure.kept is not False for figure in figures)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
