"""The promises of the engine beside restic and borg, read from a report of peer_bench.py.

Ratios are taken inside each round, the median of the rounds counts. Of borg's two ways the
better one counts, row by row.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.results_table import Figure

Steps = Mapping[str, Mapping[str, Any]]
Round = Mapping[str, Steps]
Value = Callable[[Steps], float]

OURS: Final = "kyanite"
PEERS: Final = {"restic": ("restic",), "borg": ("borg", "borg-fixed")}

# Step → how many times as fast as restic, as borg.
_WALL: Final = {
    "full": (3.5, 3.5),
    "incremental": (8.0, 6.0),
    "second": (4.0, 3.0),
    "restore0": (3.0, 5.0),
    "restore1": (3.0, 5.0),
}
_MOST_MEMORY: Final = 1.4  # times restic's, in a backup


@dataclass(frozen=True)
class Size:
    """A row about bytes: what is compared, and the most that is promised (restic, borg)."""

    name: str
    of: Value
    promised: tuple[float, float]
    file_systems_only: bool = False


_SIZES: Final = (
    Size("repository after all three", lambda steps: steps["second"]["size"], (0.97, 0.9)),
    Size(
        "growth by the increment",
        lambda steps: steps["incremental"]["size"] - steps["full"]["size"],
        (0.65, 0.4),
    ),
    Size(
        "growth by the second machine",
        lambda steps: steps["second"]["size"] - steps["incremental"]["size"],
        (0.9, 0.75),
        file_systems_only=True,
    ),
)


def gate(rounds: Sequence[Round], images: str, file_systems: bool) -> list[Figure]:
    """The rows for one set of images."""
    figures: list[Figure] = []
    for place, (peer, ways) in enumerate(PEERS.items()):
        if not all(OURS in one and any(way in one for way in ways) for one in rounds):
            figures.append(Figure(f"{images}: beside {peer}", "was not run", "a run", None))
            continue
        for step, promised in _WALL.items():
            ratio = statistics.median(1 / _best(one, ways, _wall(step)) for one in rounds)
            figures.append(
                Figure(
                    f"{images}: {step}, wall, {peer} / ours",
                    f"{ratio:.2f}",
                    f"at least {promised[place]:g}",
                    ratio >= promised[place],
                )
            )
        for size in _SIZES:
            if size.file_systems_only and not file_systems:
                continue
            ratio = statistics.median(_best(one, ways, size.of) for one in rounds)
            figures.append(
                Figure(
                    f"{images}: {size.name}, ours / {peer}",
                    f"{ratio:.2f}",
                    f"at most {size.promised[place]:g}",
                    ratio <= size.promised[place],
                )
            )
        if peer == "restic":
            ratio = max(_memory(one[OURS]) / _memory(one["restic"]) for one in rounds)
            figures.append(
                Figure(
                    f"{images}: memory of backups, ours / restic",
                    f"{ratio:.2f}",
                    f"at most {_MOST_MEMORY:g}",
                    ratio <= _MOST_MEMORY,
                )
            )
    return figures


def _best(one: Round, ways: Sequence[str], value: Value) -> float:
    """Ours in proportion to the better way of a peer."""
    return value(one[OURS]) / min(value(one[way]) for way in ways if way in one)


def _wall(step: str) -> Value:
    return lambda steps: float(steps[step]["wall"])


def _memory(steps: Steps) -> float:
    return float(max(steps[step]["rss"] for step in ("full", "incremental", "second")))
