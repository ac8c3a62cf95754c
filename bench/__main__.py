"""``python -m bench [--quick] [NAME ...]``: every benchmark, or those named in ``BENCHMARKS``.

``--quick`` measures once what is otherwise the median of three.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from bench import (
    big_index,
    clean_simulation,
    inventory,
    lab_throughput,
    lists,
    machine_bound,
    peers,
    restore_ageing,
    slow_storage,
    whole_house,
)
from bench.results_table import Figure, show, write

BENCHMARKS: dict[str, tuple[str, Callable[[bool], Sequence[Figure]]]] = {
    "lab": ("The lab, one client", lambda _: lab_throughput.measure()),
    "house": (
        "Lab and appliance",
        lambda quick: whole_house.measure(1 if quick else whole_house.ROUNDS),
    ),
    "lists": (
        "Lists over a history of sessions",
        lambda quick: lists.measure(100_000 if quick else lists.SESSIONS),
    ),
    "inventory": ("The inventory of a large company", lambda _: inventory.measure()),
    "index": ("The index of 100 TB", lambda _: big_index.measure()),
    "clean": ("A night of expiry in 100 TB", clean_simulation.measure),
    "ageing": ("A chain of a year", restore_ageing.measure),
    "bound": (
        "The engine against the machine",
        lambda quick: machine_bound.measure(1 if quick else machine_bound.ROUNDS),
    ),
    "slow": (
        "The engine over a network",
        lambda quick: slow_storage.measure(1 if quick else slow_storage.ROUNDS),
    ),
    "engine": (
        "The engine beside other programs",
        lambda quick: peers.measure(1 if quick else peers.ROUNDS),
    ),
}


def main() -> int:
    """0 when every promise was kept."""
    console = Console()
    quick = "--quick" in sys.argv
    chosen = [name for name in sys.argv[1:] if name != "--quick"] or list(BENCHMARKS)
    kept = True
    for name in chosen:
        title, measure = BENCHMARKS[name]
        figures = measure(quick)
        show(console, title, figures)
        console.print(f"written to {write(name, figures)}")
        kept = kept and all(figure.kept is not False for figure in figures)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
