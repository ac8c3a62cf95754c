"""The index is a cache of the packs: lost or damaged, it is made anew from them."""

from __future__ import annotations

import random

import pytest

from kyanite.base.errors import EngineError
from kyanite.base.units import KIB
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import back_up_disk, restored, tiny_repository


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_a_rebuilt_index_serves_every_point_again(how: str) -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    expected = []
    for seed in range(3):
        contents = random.Random(seed).randbytes(200 * KIB)
        expected.append((back_up_disk(repository, contents).point, contents))
    for info in list(storage.list("index/")):
        if how == "lost":
            storage.delete(info.name)
        else:
            storage.overwrite(info.name, b"rubbish")
    with pytest.raises(EngineError):
        restored(repository, expected[0][0])
    assert repository.verify(Level.PRESENT).damages
    report = repository.rebuild_index()
    assert report.unreadable == ()
    assert report.replaced_segments == (0 if how == "lost" else 3)
    for point, contents in expected:
        assert restored(repository, point) == contents
    assert repository.verify(Level.FULL).damages == ()
    assert back_up_disk(repository, expected[0][1]).point.stored_bytes < 5 * KIB


def test_a_pack_without_a_table_is_named_and_left_out() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    good = back_up_disk(repository, b"good" * 5000).point
    bad = back_up_disk(repository, random.Random(1).randbytes(9 * KIB)).point
    (pack,) = storage.list(f"packs/{bad.session_id}/")
    storage.overwrite(pack.name, storage.get(pack.name)[:-30])
    report = repository.rebuild_index()
    assert [name for name, _ in report.unreadable] == [pack.name]
    assert restored(repository, good) == b"good" * 5000


def test_one_damaged_point_does_not_hide_the_others() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    first = back_up_disk(repository, b"one" * 3000).point
    second = back_up_disk(repository, b"two" * 3000).point
    storage.overwrite(f"points/{first.session_id}", b"rubbish")
    with pytest.raises(EngineError):
        repository.points()
    skipped: list[str] = []
    found = repository.points(lambda session_id, error: skipped.append(f"{session_id} {error}"))
    assert found == [second]
    assert first.session_id in skipped[0]
