"""What a backup may take: memory, and requests of the storage."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from kyanite.base.units import GIB, KIB, MIB
from kyanite.engine.index import load_index
from kyanite.engine.pack import ROW, PackRef, PackTable
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.placed_entries import PlacedEntries
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.restore import restore_disk
from kyanite.engine.session_index import SessionIndex
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import MemoryDisk, back_up_disk, tiny_repository

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("gib", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_a_full_backup_of_a_tebibyte_disk_takes_less_than_400_mib(gib: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "support.made_disk", str(gib)],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 400


def test_what_a_session_has_stored_takes_less_than_40_bytes_an_entry() -> None:
    placed, chooser = PlacedEntries(), random.Random(3)
    ids = [chooser.randbytes(32) for _ in range(50_000)]
    for number, one in enumerate(ids):
        placed.put(one, number // 300)
    assert [placed.get(one) for one in ids] == [number // 300 for number in range(len(ids))]
    assert placed.get(chooser.randbytes(32)) is None
    assert placed.size_bytes < 40 * len(ids)


def test_an_entry_that_is_placed_again_is_where_it_was_placed_last() -> None:
    placed = PlacedEntries()
    placed.put(bytes(32), 0)
    placed.put(bytes(32), 7)
    assert placed.get(bytes(32)) == 7
    assert placed.get(bytes(31) + b"\1") == 7, "16 bytes of an id stand for it, as in the index"


def test_a_long_session_puts_its_index_while_it_runs() -> None:
    storage, key, repository_id = MemoryStorage(), bytes(32), bytes(16)
    index = SessionIndex(storage, key, repository_id, put_records=10)
    chooser = random.Random(4)
    tables = [_table(chooser, number) for number in range(6)]
    for table in tables:
        index.add(table)
    assert len(list(storage.list("index/"))) == 2
    index.finish()
    index.finish()
    assert len(list(storage.list("index/"))) == 3
    assert index.size_bytes == sum(table.size_bytes for table in tables)
    found = load_index(storage, key, repository_id)
    for table in tables:
        for entry in table.entries:
            location = found.find(entry.entry_id)
            assert location is not None
            assert location.pack == table.pack


def test_requests_of_a_backup_and_of_a_restore() -> None:
    """50 writes for each GiB stored and 15 for each disk; two reads for each pack."""
    counting = CountingStorage(MemoryStorage())
    settings = RepositorySettings(page_span_bytes=4 * MIB, pack_bytes=8 * MIB)
    repository = tiny_repository(counting, settings)
    contents = _with_copies(random.Random(5), 160 * MIB)
    counting.requests.clear()
    full = back_up_disk(repository, contents, parallelism=Parallelism.local())
    assert counting.requests["put"] <= 50 * full.point.stored_bytes / GIB + 15

    keys, disk = repository.read_keys, full.point.disks[0]
    packs = len(list(counting.list("packs/")))
    pages = len(disk.inner) + len(contents) // settings.page_span_bytes
    for way in (Parallelism.local(), Parallelism.network()):
        counting.requests.clear()
        target = MemoryDisk(bytes(len(contents)))
        result = restore_disk(counting, keys, full.point, disk.disk_id, target, parallelism=way)
        assert target.contents == contents
        assert counting.requests["get_range"] <= 2 * packs + pages
        assert result.read_bytes <= full.point.stored_bytes

    counting.requests.clear()
    changed = contents[: 40 * MIB] + bytes(64 * KIB) + contents[40 * MIB + 64 * KIB :]
    back_up_disk(
        repository,
        changed,
        parent=full.point.session_id,
        changes=RangeList([ByteRange(40 * MIB, 64 * KIB)]),
        parallelism=Parallelism.local(),
    )
    assert counting.requests["put"] <= 15


@pytest.mark.parametrize("way", [Parallelism.local(), Parallelism.network()])
def test_a_disk_in_pieces_of_many_packs_takes_two_reads_a_pack_too(way: Parallelism) -> None:
    counting = CountingStorage(MemoryStorage())
    settings = RepositorySettings(pack_bytes=16 * MIB)
    repository = tiny_repository(counting, settings)
    chooser = random.Random(6)
    contents = bytearray(chooser.randbytes(128 * MIB))
    back_up_disk(repository, bytes(contents), parallelism=way)
    # Two runs of each sixteen MiB go: what is left of a pack is in about three pieces.
    for start in range(0, len(contents), 16 * MIB):
        for offset in (4 * MIB, 11 * MIB):
            contents[start + offset : start + offset + 128 * KIB] = chooser.randbytes(128 * KIB)
    second = back_up_disk(repository, bytes(contents), parallelism=way)
    keys, disk = repository.read_keys, second.point.disks[0]
    index = load_index(counting, keys.maintenance_key, keys.repository_id)
    packs = len(disk.needs)

    counting.requests.clear()
    counting.bytes_moved.clear()
    target = MemoryDisk(bytes(len(contents)))
    restore_disk(counting, keys, second.point, disk.disk_id, target, parallelism=way, index=index)
    assert target.contents == contents
    assert counting.requests["get_range"] <= 2 * packs
    assert counting.bytes_moved["get_range"] <= 1.1 * len(contents)


def _with_copies(chooser: random.Random, size_bytes: int) -> bytes:
    """A disk whose later spans have pieces of the earlier ones, as systems and archives do."""
    contents = bytearray(chooser.randbytes(size_bytes))
    for place in range(size_bytes // 4, size_bytes, 2 * MIB):
        source = chooser.randrange(0, size_bytes // 4 - MIB, 4 * KIB)
        contents[place : place + MIB] = contents[source : source + MIB]
    return bytes(contents)


def _table(chooser: random.Random, number: int) -> PackTable:
    rows = b"".join(ROW.pack(chooser.randbytes(32), 100, 200, 1, 0, 0) for _ in range(4))
    pack = PackRef(bytes(16), number.to_bytes(4, "little") + bytes(12))
    return PackTable(pack, 500, 0, rows)
