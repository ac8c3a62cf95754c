"""Indexes of made-up packs, and what they must answer."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

from kyanite.engine.index import Index, load_index, put_index
from kyanite.engine.index_cache import IndexCache
from kyanite.engine.index_layout import (
    IndexSizes,
)
from kyanite.engine.index_location import Location
from kyanite.engine.pack import ROW, PackRef, PackTable
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory import MemoryStorage

KEY = b"k" * 32
REPOSITORY = b"r" * 16

# Everything is read by range, and a few thousand records are several parts.
RANGED = IndexSizes(whole_bytes=0, part_records=1000, rewritten_bytes=0)


def packs(seed: int, count: int, entries: int = 60) -> list[PackTable]:
    chooser = random.Random(seed)
    return [
        PackTable(
            PackRef(chooser.randbytes(16), chooser.randbytes(16)),
            1000 + number,
            number % 3,
            b"".join(
                ROW.pack(chooser.randbytes(32), chooser.randrange(17, 900), 999, 1, 1, 0)
                for _ in range(chooser.randrange(1, entries))
            ),
        )
        for number in range(count)
    ]


def expected(tables: Sequence[PackTable]) -> dict[bytes, Location]:
    return {
        e.entry_id: Location(t.pack, t.epoch, e.offset, e.stored_length, e.entry_type, e.codec)
        for t in tables
        for e in t.entries
    }


def put(storage: MemoryStorage, *groups: Sequence[PackTable], with_packs: bool = True) -> None:
    for tables in groups:
        put_index(storage, tables, KEY, REPOSITORY)
        for table in tables if with_packs else ():
            if table.pack.name not in {info.name for info in storage.list(table.pack.name)}:
                storage.put(table.pack.name, b"a pack")


def load(
    storage: MemoryStorage | CountingStorage,
    limits: IndexSizes | None = None,
    cache: IndexCache | None = None,
) -> Index:
    return load_index(storage, KEY, REPOSITORY, cache, limits)


def check(index: Index, known: dict[bytes, Location]) -> None:
    unknown = [os.urandom(32) for _ in range(50)]
    ids = [*known, *unknown]
    random.shuffle(ids)
    assert index.find_many(ids) == [known.get(one) for one in ids]
    for one in ids[:50]:
        assert index.find(one) == known.get(one)
        assert list(index.find_all(one)) == ([known[one]] if one in known else [])
