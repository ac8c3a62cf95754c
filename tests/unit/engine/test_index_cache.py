"""The local cache of an index: answers without reads, and may be lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kyanite.engine.index import load_index
from kyanite.engine.index_cache import IndexCache, keep_caches_in
from kyanite.engine.index_layout import (
    IndexSizes,
)
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory import MemoryStorage
from support.indexes import KEY, RANGED, REPOSITORY, check, expected, load, packs, put


@pytest.mark.parametrize("limits", [IndexSizes(), RANGED])
def test_the_cache_answers_without_reads_and_may_be_deleted_or_damaged(
    limits: IndexSizes, tmp_path: Path
) -> None:
    storage = MemoryStorage()
    groups = [packs(seed, 30) for seed in range(9)]
    put(storage, *groups)
    tidy_index(storage, KEY, REPOSITORY, (), limits)
    known = expected([table for group in groups for table in group])
    folder = tmp_path / "cache"
    check(load(storage, limits, IndexCache(folder)), known)

    counting = CountingStorage(storage)
    index = load(counting, limits, IndexCache(folder))
    opened = counting.bytes_moved.total()
    assert index.find_many(list(known)) == list(known.values())
    assert counting.bytes_moved.total() == opened
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())

    for path in folder.iterdir():  # every byte of it wrong
        path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))
    check(load(storage, limits, IndexCache(folder)), known)

    files = sorted(folder.iterdir(), key=lambda path: path.stat().st_size)
    files[-1].write_bytes(files[0].read_bytes()[:-1])  # of another object, of another size
    check(load(storage, limits, IndexCache(folder)), known)

    index = load(storage, limits, IndexCache(folder))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    check(index, known)
    (tmp_path / "file").write_bytes(b"")
    check(load(storage, limits, IndexCache(tmp_path / "file" / "no")), known)


def test_a_cache_takes_no_more_room_than_it_may(tmp_path: Path) -> None:
    storage = MemoryStorage()
    for seed in range(6):
        put(storage, packs(seed, 30))
    names = [info.name for info in storage.list("index/")]
    cache = IndexCache(tmp_path, most_bytes=64 * 1024)
    for number, name in enumerate(names):
        cache.keep_whole(name, bytes(30_000))
        os.utime(tmp_path / name.removeprefix("index/"), (number, number))
    cache.keep_only(names)
    assert {path.name for path in tmp_path.iterdir()} == {
        name.removeprefix("index/") for name in names[-2:]
    }


def test_a_process_that_keeps_caches_reads_an_index_once(tmp_path: Path) -> None:
    storage = MemoryStorage()
    put(storage, packs(1, 30))
    counting = CountingStorage(storage)
    keep_caches_in(tmp_path / "cache")
    load_index(counting, KEY, REPOSITORY)
    first = counting.bytes_moved.total()
    load_index(counting, KEY, REPOSITORY)
    assert counting.bytes_moved.total() == first > 0
    assert (tmp_path / "cache" / REPOSITORY.hex()).stat().st_mode & 0o777 == 0o700
    keep_caches_in(None)
    load_index(counting, KEY, REPOSITORY)
    assert counting.bytes_moved.total() == 2 * first


def test_the_cache_forgets_segments_that_are_gone(tmp_path: Path) -> None:
    storage = MemoryStorage()
    put(storage, *(packs(seed, 3) for seed in range(9)))
    load(storage, None, IndexCache(tmp_path))
    assert len(list(tmp_path.iterdir())) == 9
    tidy_index(storage, KEY, REPOSITORY)
    load(storage, None, IndexCache(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
