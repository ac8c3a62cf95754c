"""Limits of a backup: on line and memory, changed while it runs."""

from __future__ import annotations

import random
import threading

from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.limits import Limits
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.slots import Slots
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import MemoryDisk, restored, tiny_repository

MANY = Parallelism(4, 2, 8, 16 * KIB, 1, 64 * KIB, 0)
LONG_SECONDS = 30.0


class WatchedStorage(MemoryStorage):
    """Knows how many packs are put at once; tells ``told`` of each before it is stored."""

    def __init__(self) -> None:
        super().__init__()
        self._counting = threading.Lock()
        self.at_once = self.most_at_once = 0
        self.arrived = threading.Event()

    def put(self, name: str, data: Data) -> None:
        if not name.startswith("packs/"):
            super().put(name, data)
            return
        with self._counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.arrived.set()
        super().put(name, data)
        with self._counting:
            self.at_once -= 1


def test_no_more_packs_are_under_way_than_allowed() -> None:
    storage, contents = WatchedStorage(), random.Random(1).randbytes(2048 * KIB)
    _back_up(storage, contents, Limits(uploads=1))
    assert storage.most_at_once == 1


def test_a_backup_with_one_buffer_comes_to_its_end() -> None:
    storage, contents = WatchedStorage(), random.Random(2).randbytes(1024 * KIB)
    _back_up(storage, contents, Limits(buffers=1))
    assert storage.most_at_once == 1


def test_a_limit_that_is_lifted_lets_the_backup_go_on_at_once() -> None:
    storage, contents = WatchedStorage(), random.Random(3).randbytes(1024 * KIB)
    limits = Limits(sending_bytes_per_second=1000.0)  # a quarter of an hour
    work = threading.Thread(target=_back_up, args=(storage, contents, limits))
    work.start()
    assert storage.arrived.wait(LONG_SECONDS)
    limits.sending.change(None)
    work.join(LONG_SECONDS)
    assert not work.is_alive()


def test_more_slots_count_at_once_for_those_who_wait() -> None:
    slots = Slots(1)
    assert slots.take()
    assert not slots.take(0.0)
    waiting = threading.Thread(target=slots.take)
    waiting.start()
    slots.change(2)
    waiting.join(LONG_SECONDS)
    assert not waiting.is_alive()
    slots.change(1)
    slots.give_back()
    assert not slots.take(0.0), "two were taken, one may be"


def _back_up(storage: MemoryStorage, contents: bytes, limits: Limits) -> None:
    repository = tiny_repository(storage)
    ticket = repository.open_session(new_id(), "machine", "point")
    disk = DiskInput("disk", "disk", len(contents), MemoryDisk(contents))
    keys = repository.backup_keys(ticket)
    result = back_up(storage, keys, ticket, [disk], b"", parallelism=MANY, limits=limits)
    assert restored(repository, result.point) == contents
