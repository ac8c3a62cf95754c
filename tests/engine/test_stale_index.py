"""An index that speaks of packs that are gone: writers check, readers look again."""

from __future__ import annotations

import random
from dataclasses import replace

from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.storage.faulty import Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import TINY, back_up_disk, restored, tiny_repository

NOISE = random.Random(11).randbytes(300 * KIB)


def test_a_writer_stores_again_what_it_would_have_shared_from_a_pack_that_is_gone() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    first = back_up_disk(repository, NOISE).point
    gone = next(storage.list(f"packs/{first.session_id}/"))
    storage.delete(gone.name)
    second = back_up_disk(repository, NOISE).point
    assert gone.size_bytes - KIB < second.stored_bytes < 3 * gone.size_bytes
    assert restored(repository, second) == NOISE
    repository.delete_points([first.session_id])
    repository.clean()
    assert restored(repository, second) == NOISE
    assert repository.verify(Level.FULL).damages == ()


def test_a_pack_that_goes_while_a_writer_is_frozen_is_noticed_before_the_commit() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    first = back_up_disk(repository, NOISE).point
    own = random.Random(1).randbytes(200 * KIB)  # packs are put before it ends

    def lose() -> None:
        for info in list(storage.list(f"packs/{first.session_id}/")):
            storage.delete(info.name)

    frozen = FrozenStorage(storage, 1, Moment.BEFORE, meanwhile=lose)
    ticket = repository.open_session(new_id(), "machine", "point")
    second = back_up_disk(
        repository, own + NOISE, session_id=ticket.session_id, storage=frozen
    ).point
    assert restored(repository, second) == own + NOISE


def test_a_reader_takes_the_other_copy_when_a_pack_is_gone() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage, replace(TINY, page_span_bytes=512 * KIB))
    twin = new_id()
    points = []

    def back_up_the_same() -> None:
        points.append(back_up_disk(repository, NOISE).point)

    # Frozen before its first pack is put, so that neither knows of the other's chunks.
    frozen = FrozenStorage(storage, 1, Moment.BEFORE, meanwhile=back_up_the_same)
    repository.open_session(twin, "machine", "point")
    points.append(back_up_disk(repository, NOISE, session_id=twin, storage=frozen).point)
    assert len(list(storage.list(f"packs/{twin}/"))) > 3
    for lost in (points[0].session_id, twin):
        damaged = storage.copy()
        packs = list(damaged.list(f"packs/{lost}/"))
        for info in packs[:-1]:  # the last one has the pages, which are not shared by twins
            damaged.delete(info.name)
        opened = type(repository).open_with_master(damaged, repository.master_key)
        for point in points:
            assert restored(opened, point) == NOISE
