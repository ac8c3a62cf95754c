"""Traces: a point that was taken away is missed, one that was deleted is not."""

from __future__ import annotations

import random

from kyanite.base.errors import PointVoided
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import back_up_disk, tiny_repository

NOISE = random.Random(4).randbytes(80 * KIB)


def test_verify_names_a_point_that_somebody_took_away() -> None:
    for taken in ("points/", "sessions/"):
        storage = MemoryStorage()
        repository = tiny_repository(storage)
        kept = back_up_disk(repository, NOISE, machine="kept").point.session_id
        gone = back_up_disk(repository, NOISE, machine="web", label="Monday").point.session_id
        storage.delete(f"{taken}{gone}")
        (damage,) = repository.verify(Level.PRESENT).damages
        assert damage.name == f"points/{gone}"
        assert "'Monday'" in damage.reason
        assert "machine web" in damage.reason
        assert [hurt.session_id for hurt in damage.hurts] == [gone]
        assert kept not in damage.reason


def test_a_point_that_was_deleted_is_not_missed() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, NOISE).point.session_id
    repository.delete_points([point])
    assert repository.verify(Level.PRESENT).damages == ()
    repository.clean()
    assert repository.verify(Level.PRESENT).damages == ()
    assert list(repository.storage.list("traces/")) == []


def test_a_repeated_backup_leaves_the_trace_that_the_first_attempt_did_not() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    session_id = new_id()
    back_up_disk(repository, NOISE, session_id=session_id)
    storage.delete(f"traces/{session_id}")
    back_up_disk(repository, NOISE, session_id=session_id)
    assert [info.name for info in storage.list("traces/")] == [f"traces/{session_id}"]


def test_a_point_deleted_before_its_trace_was_put_leaves_none() -> None:
    class Deleting(MemoryStorage):
        def put(self, name: str, data: bytes | bytearray | memoryview) -> None:
            if name.startswith("traces/"):
                repository.delete_points([session_id])
            super().put(name, data)

    storage = Deleting()
    repository = tiny_repository(storage)
    session_id = new_id()
    try:
        back_up_disk(repository, NOISE, session_id=session_id)
    except PointVoided:
        pass
    else:
        raise AssertionError("the point was deleted")
    assert list(storage.list("traces/")) == []
    assert repository.verify(Level.PRESENT).damages == ()
