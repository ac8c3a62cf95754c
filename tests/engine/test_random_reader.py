"""Random ranges of a disk: right bytes, few reads, bounded memory, and a fresh look when needed."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from kyanite.base.errors import Damaged, Invalid, Missing
from kyanite.base.units import KIB
from kyanite.engine.copies import Copies
from kyanite.engine.index import load_index
from kyanite.engine.point import Point
from kyanite.engine.random_reader import RandomReader, ReadAhead
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import TINY, back_up_disk, disk_contents, tiny_repository

SIZE = 700 * KIB + 512
NO_AHEAD = ReadAhead(cache_bytes=64 * KIB, ahead_bytes=0, fetch_bytes=16 * KIB, threads=1)


def copies_of(repository: Repository, storage: Storage) -> Copies:
    keys = repository.read_keys
    return Copies(lambda: load_index(storage, keys.maintenance_key, keys.repository_id))


def reader(
    repository: Repository, point: Point, limits: ReadAhead, storage: Storage | None = None
) -> RandomReader:
    storage = storage or repository.storage
    copies = copies_of(repository, storage)
    return RandomReader(storage, repository.read_keys, copies, point.disks[0], limits)


@pytest.mark.parametrize("limits", [NO_AHEAD, ReadAhead()])
def test_any_range_from_any_thread_is_right(limits: ReadAhead) -> None:
    chooser = random.Random(4)
    contents = disk_contents(chooser, SIZE)
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, contents).point
    ranges = [(0, SIZE), (SIZE - 1, 1), (5, 0), (SIZE - 10, 100)]
    for _ in range(200):
        offset = chooser.randrange(SIZE)
        ranges.append((offset, chooser.randrange(40 * KIB)))
    with reader(repository, point, limits) as disk, ThreadPoolExecutor(4) as threads:
        for (offset, length), data in zip(
            ranges, threads.map(lambda one: disk.read(*one), ranges), strict=True
        ):
            assert data == contents[offset : offset + length]
        with pytest.raises(Invalid):
            disk.read_into(SIZE - 1, memoryview(bytearray(2)))


def test_reading_on_fetches_ahead_and_every_chunk_once() -> None:
    contents = random.Random(5).randbytes(600 * KIB)
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    point = back_up_disk(repository, contents).point
    counting = CountingStorage(storage)
    limits = ReadAhead(ahead_bytes=128 * KIB, fetch_bytes=64 * KIB, threads=2)
    with reader(repository, point, limits, counting) as disk:
        for offset in range(0, len(contents), 1000):
            assert disk.read(offset, 1000) == contents[offset : offset + 1000]
    assert counting.requests["get_range"] < 60  # of 600 reads; pages, and packs in pieces
    assert counting.bytes_moved["get_range"] < 1.2 * len(contents)


def test_the_cache_is_bounded_and_serves_what_was_read_lately() -> None:
    contents = random.Random(6).randbytes(400 * KIB)
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    point = back_up_disk(repository, contents).point
    counting = CountingStorage(storage)
    with reader(repository, point, NO_AHEAD, counting) as disk:
        disk.read(0, 30 * KIB)
        before = counting.requests["get_range"]
        disk.read(100, 20 * KIB)
        assert counting.requests["get_range"] == before
        disk.read(100 * KIB, 200 * KIB)
        assert sum(map(len, disk._cache._held.values())) <= NO_AHEAD.cache_bytes
        before = counting.requests["get_range"]
        disk.read(100, 20 * KIB)
        assert counting.requests["get_range"] > before


def test_a_reader_looks_into_a_fresh_index_once_when_packs_were_moved() -> None:
    contents = random.Random(7).randbytes(300 * KIB)
    storage = MemoryStorage()
    repository = tiny_repository(storage, replace(TINY, page_span_bytes=512 * KIB))
    point = back_up_disk(repository, contents).point
    with reader(repository, point, NO_AHEAD) as disk:
        assert disk.read(0, 8 * KIB) == contents[: 8 * KIB]
        for info in list(storage.list("packs/")):
            storage.delete(info.name)
        second = back_up_disk(repository, contents, machine="other").point  # stores all again
        assert second.stored_bytes > len(contents)
        assert disk.read(100 * KIB, 64 * KIB) == contents[100 * KIB : 164 * KIB]
        for info in list(storage.list("packs/")):
            storage.delete(info.name)
        with pytest.raises(Missing, match="no pack that can be read"):
            disk.read(200 * KIB, 30 * KIB)


def test_damage_is_raised_for_the_chunk_it_is_in_and_for_no_other() -> None:
    contents = random.Random(8).randbytes(300 * KIB)
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    point = back_up_disk(repository, contents).point
    first = next(storage.list("packs/"))
    data = bytearray(storage.get(first.name))
    data[64 + 50] ^= 1
    storage.overwrite(first.name, bytes(data))
    bad: list[int] = []
    with reader(repository, point, NO_AHEAD) as disk:
        for offset in range(0, 300 * KIB, KIB):
            try:
                assert disk.read(offset, KIB) == contents[offset : offset + KIB]
            except Damaged:
                bad.append(offset)
    assert bad
    assert bad == list(range(bad[0], bad[-1] + KIB, KIB))
    assert len(bad) <= 12
