"""A repository with points, and an empty one to copy them to."""

from __future__ import annotations

import random
from dataclasses import replace

from kyanite.base.units import KIB
from kyanite.engine.copying import copy_points
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import ONE_THREAD, TINY, back_up_disk, restored, tiny_repository


class Pair:
    """A repository with two points of a machine and one of another, and an empty one."""

    def __init__(self, size_bytes: int = 200 * KIB) -> None:
        chooser = random.Random(9)
        self.source_storage = MemoryStorage()
        self.source = tiny_repository(self.source_storage)
        self.storage = MemoryStorage()
        self.destination = tiny_repository(self.storage, replace(TINY, cut_bytes=8 * KIB))
        contents = bytearray(chooser.randbytes(size_bytes)) + bytes(64 * KIB)
        first = back_up_disk(self.source, contents, label="monday", recipe=b"one").point
        self.expected = {first.session_id: bytes(contents)}
        contents[10 * KIB : 20 * KIB] = chooser.randbytes(10 * KIB)
        contents[100 * KIB : 104 * KIB] = bytes(4 * KIB)
        changes = RangeList(
            [ByteRange(10 * KIB, 10 * KIB), ByteRange(100 * KIB, 4 * KIB, zero=True)]
        )
        second = back_up_disk(
            self.source,
            contents,
            label="tuesday",
            parent=first.session_id,
            changes=changes,
            recipe=b"two",
        ).point
        self.expected[second.session_id] = bytes(contents)
        other = contents[: 80 * KIB]
        third = back_up_disk(self.source, other, machine="other", label="other").point
        self.expected[third.session_id] = bytes(other)

    def again(self) -> Pair:
        """The same two, to which other things may happen."""
        other = object.__new__(Pair)
        other.source_storage, other.storage = self.source_storage.copy(), self.storage.copy()
        other.source = Repository.open_with_master(other.source_storage, self.source.master_key)
        other.destination = Repository.open_with_master(other.storage, self.destination.master_key)
        other.expected = dict(self.expected)
        return other

    def copy(self, source: Storage | None = None, destination: Storage | None = None) -> None:
        opened = Repository.open_with_master(source or self.source_storage, self.source.master_key)
        there = Repository.open_with_master(
            destination or self.storage, self.destination.master_key
        )
        copy_points(opened, there, opened.points(), parallelism=ONE_THREAD)

    def check(self) -> None:
        """Everything is there, once, and right."""
        originals = self.source.points()
        copies = self.destination.points()
        assert [facts(one) for one in copies] == [facts(one) for one in originals]
        for original, copy in zip(originals, copies, strict=True):
            assert restored(self.destination, copy) == self.expected[original.session_id]
        assert self.destination.verify(Level.FULL).damages == ()

    def check_finished(self) -> None:
        """What was copied so far is right."""
        by_facts = {facts(one): self.expected[one.session_id] for one in self.source.points()}
        for copy in self.destination.points():
            assert restored(self.destination, copy) == by_facts[facts(copy)]
        assert self.destination.verify(Level.FULL).damages == ()


def facts(point: Point) -> tuple[str, str, str, bytes]:
    """What a copy has in common with its original."""
    return point.machine_id, point.label, point.created_at, point.recipe
