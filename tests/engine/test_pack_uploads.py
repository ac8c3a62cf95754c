"""Packs on their way: how large they are."""

from __future__ import annotations

import random

from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.control import NoControl
from kyanite.engine.format import EntryType
from kyanite.engine.open_pack import Coded
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import tiny_repository

PACK_BYTES = 64 * KIB
ENTRY_BYTES = 4 * KIB


def sizes_of_packs(before_end: int, after_end: int) -> list[int]:
    """Sizes of the packs of so many entries before and after the end comes near."""
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    ticket = repository.open_session(new_id(), "machine", "a machine")
    chooser = random.Random(1)

    def add(uploads: PackUploads, count: int) -> None:
        for _ in range(count):
            data = chooser.randbytes(ENTRY_BYTES)
            uploads.add(Coded(chooser.randbytes(32), EntryType.CHUNK, 0, ENTRY_BYTES, data))

    with PackUploads(
        storage, repository.backup_keys(ticket), PACK_BYTES, 1, NoControl()
    ) as uploads:
        add(uploads, before_end)
        uploads.near_end()
        add(uploads, after_end)
        uploads.flush()
        return [pack.size_bytes for pack in uploads.stored.packs]


def test_the_last_packs_of_much_work_are_small() -> None:
    sizes = sizes_of_packs(10 * 15, 16)
    assert min(sizes[:10]) > PACK_BYTES - 2 * ENTRY_BYTES
    assert len(sizes) >= 13
    assert max(sizes[10:]) < PACK_BYTES // 2


def test_little_work_makes_no_small_packs() -> None:
    assert len(sizes_of_packs(4, 8)) == 1
