"""``python -m bench [--quick] [NAME ...]``: every benchmark, or those named in ``BENCHMARKS``.

``--quick`` measures once what is otherwise the median of three, with fewer sessions and
resources, and beside restic only, on made disks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from bench import (
    big_index,
    clean_simulation,
    crowd,
    far_peers,
    inventory,
    lab_throughput,
    lists,
    machine_bound,
    machine_lists,
    peers,
    restore_ageing,
    slow_storage,
    starts,
    whole_house,
)
from bench.results_table import Figure, show, write
from kyanite.base import interpreter

BENCHMARKS: dict[str, tuple[str, Callable[[bool], Sequence[Figure]]]] = {
    "lab": ("The lab, one client", lambda _: lab_throughput.measure()),
    "house": (
        "Lab and appliance",
        lambda quick: whole_house.measure(1 if quick else whole_house.ROUNDS),
    ),
    "start": ("From the command to the first answer", lambda _: starts.measure()),
    "lists": (
        "Lists over a history of sessions",
        lambda quick: lists.measure(10_000 if quick else lists.SESSIONS),
    ),
    "machines": (
        "Lists over an inventory of machines",
        lambda quick: machine_lists.measure(
            machine_lists.FEW_SUBSCRIPTIONS if quick else machine_lists.SUBSCRIPTIONS
        ),
    ),
    "inventory": (
        "The inventory of a large company",
        lambda quick: inventory.measure(2 if quick else crowd.SUBSCRIPTIONS),
    ),
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
    "far": (
        "The engine beside restic over a network",
        lambda quick: far_peers.measure(1 if quick else far_peers.ROUNDS, quick),
    ),
    "engine": (
        "The engine beside other programs",
        lambda quick: peers.measure(1 if quick else peers.ROUNDS, quick),
    ),
}


def main() -> int:
    """0 when every promise was kept."""
    titles = "\n".join(f"  {name:<10} {title}" for name, (title, _) in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"benchmarks:\n{titles}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="measure once")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    names = asked.names or list(BENCHMARKS)
    if len(names) == 1:
        return 0 if _measure(names[0], asked.quick) else 1
    return max(_apart(name, asked.quick) for name in names)


def _measure(name: str, quick: bool) -> bool:
    """Run one, show its figures and keep them; whether every promise was kept."""
    interpreter.set_up()  # as the product's processes do
    title, measure = BENCHMARKS[name]
    figures = measure(quick)
    console = Console()
    show(console, title, figures)
    console.print(f"written to {write(name, figures)}")
    return all(figure.kept is not False for figure in figures)


def _apart(name: str, quick: bool) -> int:
    """Run one in a process of its own: what another has left in memory slows it down."""
    command = [sys.executable, "-m", "bench", name, *(["--quick"] if quick else [])]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
