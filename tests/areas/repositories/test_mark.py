"""The mark in the folder: one owner, no old password left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kyanite.areas.repositories.inspection import FolderState, inspect_folder
from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.base.errors import Conflict, UnknownFormat
from kyanite.engine.password_stretching import Cost
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.engine.storage.base import Data, ObjectInfo
from kyanite.engine.storage.memory import MemoryStorage

OURS = Owner("id-1", "appliance-1")
OPEN = Mark(OURS, "Hot", is_encrypted=False, hint=None, open_password="published")
SEALED = Mark(OURS, "Hot", is_encrypted=True, hint="safe 3")
CHEAP = Cost(memory_kib=8 * 1024, passes=1, lanes=1)


def names(storage: MemoryStorage) -> list[str]:
    return [found.name for found in storage.list("")]


def test_a_folder_without_a_mark_has_none() -> None:
    assert read_mark(MemoryStorage()) is None


@pytest.mark.parametrize("mark", [OPEN, SEALED, Mark(None, "Inferred", True, None)])
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    storage = MemoryStorage()
    write_mark(storage, mark)
    assert read_mark(storage) == mark


def test_a_new_mark_leaves_nothing_of_the_old_one() -> None:
    storage = MemoryStorage()
    write_mark(storage, OPEN)
    write_mark(storage, SEALED)
    assert names(storage) == ["mark/00000002"]
    assert b"published" not in storage.get("mark/00000002")


def test_writing_the_same_mark_again_finishes_an_interrupted_change() -> None:
    storage = MemoryStorage()
    storage.put("mark/00000001", OPEN.to_bytes())
    storage.put("mark/00000002", SEALED.to_bytes())  # killed before the old one was removed
    write_mark(storage, SEALED)
    assert names(storage) == ["mark/00000002"]


def test_the_mark_of_an_encrypted_repository_holds_no_password() -> None:
    assert b"password" not in Mark(OURS, "Hot", True, None, open_password="x").to_bytes()
    assert "published" not in repr(OPEN)


def test_of_two_appliances_that_change_the_mark_at_once_one_fails() -> None:
    class Overtaken(MemoryStorage):
        """Another appliance puts its mark between our look and our put."""

        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            found = list(super().list(prefix))
            if prefix == "mark/" and not found:
                super().put("mark/00000001", SEALED.to_bytes())
            return iter(found)

    with pytest.raises(Conflict):
        write_mark(Overtaken(), OPEN)


def test_a_mark_that_was_read_replaces_only_itself() -> None:
    storage = MemoryStorage()
    write_mark(storage, SEALED)
    ours, theirs = read_mark(storage), read_mark(storage)
    assert ours is not None
    assert theirs is not None
    write_mark(storage, replace(theirs, owner=Owner("id-2", "appliance-2")))
    with pytest.raises(Conflict):
        write_mark(storage, replace(ours, owner=Owner("id-3", "appliance-3")))
    found = read_mark(storage)
    assert found is not None
    assert found.owner == Owner("id-2", "appliance-2")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"version": 2}', b"\xff\xfe"])
def test_an_unknown_mark_is_refused(content: bytes) -> None:
    with pytest.raises(UnknownFormat):
        Mark.from_bytes(content)


def test_an_empty_folder_is_new() -> None:
    assert inspect_folder(MemoryStorage()).state is FolderState.NEW


def test_a_folder_with_other_data_is_foreign() -> None:
    storage = MemoryStorage()
    storage.put("a.txt", b"hello")
    assert inspect_folder(storage).state is FolderState.FOREIGN


def test_a_folder_with_a_repository_is_recognised_with_its_mark() -> None:
    storage = MemoryStorage()
    write_mark(storage, SEALED)
    EngineRepository.create(storage, "secret", cost=CHEAP)
    storage.put("index/x", b"")
    found = inspect_folder(storage)
    assert (found.state, found.mark) == (FolderState.REPOSITORY, SEALED)


def test_a_repository_whose_making_was_interrupted_counts_as_new() -> None:
    class Dying(MemoryStorage):
        def put(self, name: str, data: Data) -> None:
            if name == "repository":
                raise InterruptedError
            super().put(name, data)

    storage = Dying()
    write_mark(storage, SEALED)
    with pytest.raises(InterruptedError):
        EngineRepository.create(storage, "secret", cost=CHEAP)
    assert inspect_folder(storage).state is FolderState.NEW
