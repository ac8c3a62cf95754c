"""The engine over a network: what a far storage leaves of its speed, and what opening costs.

Speed is measured beside the same work on the same storage without the way to it, and
beside the line: the slower of the two is what could be had.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.made_image import (
    PASSWORD,
    Run,
    check_same,
    full_backup,
    make_image,
    new_repository,
    whole_restore,
)
from bench.results_table import Figure
from kyanite.base.units import MIB
from kyanite.engine.index import load_index
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.slow import Distance, SlowStorage

ROUNDS: Final = 3
_IMAGE_BYTES: Final = 4096 * MIB
LINE: Final = Distance(0.020, 60e6, 600e6)
_LEAST_SHARE: Final = 0.8
_MOST_ROUND_TRIPS: Final = 10

# Far enough away that computing is a small part of a round trip.
_ROUND_TRIP: Final = Distance(0.2)


def measure(rounds: int = ROUNDS) -> Sequence[Figure]:
    """Backup and restore in the median of the rounds, and the round trips of opening."""
    shares: dict[str, list[tuple[float, Run]]] = {"full backup": [], "restore": []}
    with tempfile.TemporaryDirectory(prefix="kyanite-slow-") as folder:
        image = make_image(Path(folder), _IMAGE_BYTES)
        for _ in range(rounds):
            near_storage, far_storage = MemoryStorage(), MemoryStorage()
            near = _both(near_storage, image, Parallelism.local())
            del near_storage
            far = _both(SlowStorage(far_storage, LINE), image, Parallelism.far_storage())
            for what, own, slow in zip(shares, near, far, strict=True):
                shares[what].append((_possible_seconds(own, slow) / slow.wall_seconds, slow))
        trips = [_round_trips(far_storage) for _ in range(rounds)]
    return [
        *(_figure(what, of_rounds) for what, of_rounds in shares.items()),
        *(
            Figure(
                f"round trips in a row to {what}",
                f"{count:.1f}",
                f"at most {_MOST_ROUND_TRIPS}",
                int(count) <= _MOST_ROUND_TRIPS,  # computing takes less than a round trip
            )
            for what, count in (
                ("open a repository", statistics.median(opened for opened, _ in trips)),
                ("open it and its index", statistics.median(loaded for _, loaded in trips)),
            )
        ),
    ]


def _both(storage: Storage, image: Path, parallelism: Parallelism) -> tuple[Run, Run]:
    """Back up and restore."""
    repository = new_repository(storage)
    point, backup = full_backup(repository, image, parallelism)
    restored = image.with_name("restored")
    restore = whole_restore(repository, point, restored, parallelism)
    check_same(image, restored)
    restored.unlink()
    return backup, restore


def _possible_seconds(own: Run, slow: Run) -> float:
    """At its own speed, or at that of the line if it is slower."""
    return max(own.wall_seconds, slow.moved_bytes / LINE.total_bytes_per_second)


def _figure(what: str, rounds: Sequence[tuple[float, Run]]) -> Figure:
    share = statistics.median_low(one for one, _ in rounds)
    run = next(run for one, run in rounds if one == share)
    return Figure(
        f"{what}: share of the smaller of own rate and line",
        f"{share:.0%} ({run.read_bytes / MIB / run.wall_seconds:,.0f} MiB/s, "
        f"{run.moved_bytes / 1e6 / run.wall_seconds:,.0f} MB/s on the line)",
        f"at least {_LEAST_SHARE:.0%}",
        share >= _LEAST_SHARE,
    )


def _round_trips(storage: Storage) -> tuple[float, float]:
    """Time in round trips until a repository is open, and until its index is as well."""
    far = SlowStorage(storage, _ROUND_TRIP)
    began = time.monotonic()
    keys = Repository.open(far, PASSWORD).read_keys
    opened = time.monotonic()
    load_index(far, keys.maintenance_key, keys.repository_id)
    loaded = time.monotonic()
    latency = _ROUND_TRIP.latency_seconds
    return (opened - began) / latency, (loaded - began) / latency
