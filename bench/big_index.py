"""Look-ups in the index of 100 TB: cold over a network, and with a local cache.

The index is made on demand (``bench.synthetic_index``). It has the worst shape that merging
leaves: a segment of each size, and as many small ones as are allowed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.peak_memory import peak_bytes
from bench.results_table import Figure
from bench.synthetic_index import SyntheticIndex, SyntheticSegment
from kyanite.base.units import MIB
from kyanite.engine.index import Index, load_index
from kyanite.engine.index_cache import IndexCache
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.slow import Distance, SlowStorage

KEY, REPOSITORY = b"k" * 32, b"r" * 16
CHUNKS = 320_000_000
LOOK_UPS = 3_300  # of 1 GiB of changed data at 320 KiB a chunk
PIECE_IDS = 8  # of a piece that a reader thread cuts at once
READERS = 16
LATENCY_SECONDS = 0.020
SMALL_SEGMENTS = 8
_CHUNKS_IN_PACK = 107


def simulated(chunks: int = CHUNKS) -> SyntheticIndex:
    """Segments whose sizes fall by the factor of the tiers, and the small ones."""
    sizes = [9_000] * SMALL_SEGMENTS
    rest = chunks - sum(sizes)
    while rest > 100_000:
        sizes.append(rest * 15 // 16)
        rest -= sizes[-1]
    return SyntheticIndex(
        [
            SyntheticSegment(number, size, -(-size // _CHUNKS_IN_PACK), KEY, REPOSITORY)
            for number, size in enumerate(sizes)
        ]
    )


def some_ids(index: SyntheticIndex, count: int, seed: int) -> list[bytes]:
    """Hits, in proportion to the segments, and as many misses, mixed."""
    draw = np.random.default_rng(seed)
    shares = np.array([segment.records for segment in index.segments], float)
    chosen = draw.choice(len(index.segments), count // 2, p=shares / shares.sum())
    ids = [index.segments[int(n)].id_at(draw) for n in chosen]
    ids += [draw.bytes(32) for _ in range(count - len(ids))]
    return [ids[int(n)] for n in draw.permutation(len(ids))]


def check(ids: Sequence[bytes], found: Sequence[object]) -> None:
    """Hits end with zeros; every one is found and no miss is."""
    for one, location in zip(ids, found, strict=True):
        assert (location is not None) == one.endswith(bytes(16))


def measure(chunks: int = CHUNKS, warm_ids: int = 20_000) -> Sequence[Figure]:
    """All figures. The memory is that of this process, the simulation included."""
    storage = simulated(chunks)
    records = sum(segment.records for segment in storage.segments)
    figures = [
        Figure(
            "bytes of index per record",
            f"{storage.total_bytes / records:.2f}",
            "at most 28",
            storage.total_bytes / records <= 28,
        )
    ]
    before = peak_bytes()
    for how, look_up in (("at once", _at_once), ("by 16 readers", _by_readers)):
        figures += _cold(storage, how, look_up)
    own = peak_bytes() - before
    figures.append(
        Figure(
            "memory that the look-ups added",
            f"{own / MIB:.0f} MiB (whole process {peak_bytes() / MIB:.0f} MiB)",
            "under 300 MiB",
            own < 300 * MIB,
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        figures += _warm(storage, Path(folder), warm_ids)
    return figures


def _cold(
    storage: Storage, how: str, look_up: Callable[[Index, Sequence[bytes]], list[object]]
) -> list[Figure]:
    assert isinstance(storage, SyntheticIndex)
    ids = some_ids(storage, LOOK_UPS, 1)
    counting = CountingStorage(SlowStorage(storage, Distance(LATENCY_SECONDS, 60e6, 600e6)))
    began = time.monotonic()
    index = load_index(counting, KEY, REPOSITORY)
    opened = time.monotonic() - began
    check(ids, look_up(index, ids))
    seconds = time.monotonic() - began
    read = counting.bytes_moved.total()
    return [
        Figure(f"cold, {how}: seconds", f"{seconds:.2f} ({opened:.2f} to open)", "under 5",
               seconds < 5),
        Figure(f"cold, {how}: index read", f"{read / MIB:.1f} MiB in "
               f"{counting.requests.total()} requests", "at most 64 MiB", read <= 64 * MIB),
    ]  # fmt: skip


def _at_once(index: Index, ids: Sequence[bytes]) -> list[object]:
    return list(index.find_many(ids))


def _by_readers(index: Index, ids: Sequence[bytes]) -> list[object]:
    pieces = [ids[at : at + PIECE_IDS] for at in range(0, len(ids), PIECE_IDS)]
    with ThreadPoolExecutor(READERS) as pool:
        return [one for found in pool.map(index.find_many, pieces) for one in found]


def _warm(storage: SyntheticIndex, folder: Path, count: int) -> list[Figure]:
    ids = some_ids(storage, count, 2)
    load_index(storage, KEY, REPOSITORY, IndexCache(folder)).find_many(ids)
    counting = CountingStorage(storage)
    index = load_index(counting, KEY, REPOSITORY, IndexCache(folder))
    opened = counting.bytes_moved.total()
    hits = [one for one in ids if one.endswith(bytes(16))]
    misses = [one for one in ids if not one.endswith(bytes(16))]
    first = _rate(index, ids)
    figures = [
        Figure("warm, each bucket for the first time", f"{first:,.0f} look-ups/s of one core")
    ]
    for name, some in (("hits", hits), ("misses", misses)):
        rate = max(_rate(index, some) for _ in range(3))
        figures.append(
            Figure(f"warm, {name}", f"{rate:,.0f} look-ups/s", "at least 150,000", rate >= 150_000)
        )
    check(ids, index.find_many(ids))
    assert counting.bytes_moved.total() == opened, "the cache should have answered everything"
    return figures


def _rate(index: Index, ids: Sequence[bytes]) -> float:
    """Look-ups in a second of one core."""
    began = time.thread_time()
    for at in range(0, len(ids), PIECE_IDS):
        index.find_many(ids[at : at + PIECE_IDS])
    return len(ids) / (time.thread_time() - began)


if __name__ == "__main__":
    from rich.console import Console

    from bench.results_table import show

    figures = measure()
    show(Console(), "The index of 100 TB", figures)
    sys.exit(0 if all(figure.kept is not False for figure in figures) else 1)
