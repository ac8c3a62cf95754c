"""A storage that somebody else fills: small objects are not read as large ones."""

from __future__ import annotations

import pytest

from kyanite.areas.repositories.mark import Mark, read_mark, write_mark
from kyanite.base.errors import Damaged, UnknownFormat, WrongKey
from kyanite.base.units import MIB
from kyanite.engine.format import KEYS_PREFIX, REPOSITORY_NAME
from kyanite.engine.key_ring import MAX_RINGS
from kyanite.engine.key_slots import MAX_SLOTS
from kyanite.engine.password_stretching import Cost
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.memory import MemoryStorage

PASSWORD = "correct horse"
CHEAP = Cost(8 * 1024, 1, 1)


class Watched(MemoryStorage):
    """Remembers the largest piece that was handed out."""

    def __init__(self) -> None:
        super().__init__()
        self._below = MemoryStorage()
        self.largest_read_bytes = 0

    def put(self, name: str, data: Data) -> None:
        super().put(name, data)
        self._below.put(name, data)

    def delete(self, name: str) -> None:
        super().delete(name)
        self._below.delete(name)

    def get(self, name: str) -> bytes:
        return self._seen(self._below.get(name))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        return self._seen(self._below.get_range(name, offset, length))

    def _seen(self, data: bytes) -> bytes:
        self.largest_read_bytes = max(self.largest_read_bytes, len(data))
        return data


def test_a_huge_repository_object_slot_or_mark_is_not_read_whole() -> None:
    storage = Watched()
    Repository.create(storage, PASSWORD, cost=CHEAP)
    head = storage.get(REPOSITORY_NAME)
    storage.put(f"{KEYS_PREFIX}{'a' * 32}", bytes(2 * MIB))
    storage.put("mark/00000009", b"[" * 2 * MIB)
    assert Repository.open(storage, PASSWORD)
    with pytest.raises(UnknownFormat):
        read_mark(storage)
    storage.delete(REPOSITORY_NAME)
    storage.put(REPOSITORY_NAME, head + bytes(2 * MIB))
    with pytest.raises(Damaged):
        Repository.open(storage, PASSWORD)
    assert storage.largest_read_bytes < 128 * 1024


def test_more_slots_than_anybody_makes_are_refused_before_one_is_tried() -> None:
    storage = MemoryStorage()
    Repository.create(storage, PASSWORD, cost=CHEAP)
    for number in range(MAX_SLOTS):
        storage.put(f"{KEYS_PREFIX}{number:032x}", b"x")
    with pytest.raises(Damaged, match="slots"):
        Repository.open(storage, PASSWORD)


def test_nothing_is_opened_with_another_password() -> None:
    storage = MemoryStorage()
    Repository.create(storage, PASSWORD, cost=CHEAP)
    with pytest.raises(WrongKey):
        Repository.open(storage, PASSWORD + "x")


def test_a_mark_is_written_over_nonsense_that_was_put_there() -> None:
    storage = MemoryStorage()
    storage.put("mark/00000001", b"\xff" * 10)
    mark = Mark(owner=None, tier="Hot", is_encrypted=True, hint=None)
    write_mark(storage, mark)
    assert read_mark(storage) == mark


def test_more_rings_than_anybody_makes_are_refused_before_one_is_read() -> None:
    storage = Watched()
    repository = Repository.create(storage, PASSWORD, cost=CHEAP)
    for number in range(MAX_RINGS + 1):
        storage.put(f"rings/{repository.repository_id.hex()}/{number + 1:08x}", bytes(1000))
    with pytest.raises(Damaged, match="rings"):
        Repository.open(storage, PASSWORD)


def test_a_huge_ring_is_not_read_whole_and_keeps_nobody_out() -> None:
    storage = Watched()
    repository = Repository.create(storage, PASSWORD, cost=CHEAP)
    storage.put(f"rings/{repository.repository_id.hex()}/00000001", bytes(10_000_000))
    assert Repository.open(storage, PASSWORD).repository_id == repository.repository_id
    assert storage.largest_read_bytes < 1_000_000
