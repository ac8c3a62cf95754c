"""The index of 100 TB, made on demand: what a fresh worker reads of it, and how long it waits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.big_index import KEY, LOOK_UPS, REPOSITORY, check, simulated, some_ids
from bench.synthetic_index import SyntheticIndex
from kyanite.base.units import MIB
from kyanite.engine.index import load_index
from kyanite.engine.index_cache import IndexCache
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.slow import Distance, SlowStorage


@pytest.fixture(scope="module")
def storage() -> SyntheticIndex:
    return simulated()


def test_a_record_of_a_big_index_takes_at_most_28_bytes(storage: SyntheticIndex) -> None:
    records = sum(segment.records for segment in storage.segments)
    assert records > 319_000_000
    assert storage.total_bytes <= 28 * records


def test_a_fresh_worker_reads_little_of_a_big_index(storage: SyntheticIndex) -> None:
    counting = CountingStorage(storage)
    index = load_index(counting, KEY, REPOSITORY)
    assert counting.requests.total() <= 1 + len(storage.segments)
    ids = some_ids(storage, LOOK_UPS, seed=1)
    check(ids, index.find_many(ids))
    assert counting.bytes_moved.total() <= 64 * MIB
    assert counting.requests.total() <= 3 * LOOK_UPS


def test_a_worker_with_a_cache_reads_nothing_twice(storage: SyntheticIndex, tmp_path: Path) -> None:
    ids = some_ids(storage, 300, seed=2)
    load_index(storage, KEY, REPOSITORY, IndexCache(tmp_path)).find_many(ids)
    counting = CountingStorage(storage)
    index = load_index(counting, KEY, REPOSITORY, IndexCache(tmp_path))
    opened = counting.bytes_moved.total()
    check(ids, index.find_many(ids))
    assert counting.bytes_moved.total() == opened
    used = sum(path.stat().st_blocks * 512 for path in tmp_path.iterdir())
    assert used < 32 * MIB  # of 9 GB


@pytest.mark.measured
def test_look_ups_for_a_gib_of_changes_take_seconds_over_a_network(
    storage: SyntheticIndex,
) -> None:
    far = SlowStorage(storage, Distance(latency_seconds=0.020))
    ids = some_ids(storage, LOOK_UPS, seed=3)
    began = time.monotonic()
    index = load_index(far, KEY, REPOSITORY)
    check(ids, index.find_many(ids))
    assert time.monotonic() - began < 5
