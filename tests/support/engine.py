"""Disks in memory and small repositories for tests of the engine."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

from kyanite.base.clock import Clock
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.backup import BackupResult, back_up
from kyanite.engine.control import Control
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.password_stretching import Cost
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.base import Data, Storage
from kyanite.engine.storage.memory import MemoryStorage

PASSWORD = "correct horse"
CHEAP = Cost(memory_kib=8 * 1024, passes=1, lanes=1)

# Everything small, so that a disk of some hundred KiB has several pages and packs.
TINY = RepositorySettings(
    cut_kind="fixed",
    cut_bytes=4 * KIB,
    pack_bytes=64 * KIB,
    page_span_bytes=64 * KIB,
    inner_fanout=2,
)
ONE_THREAD = Parallelism(1, 1, 1, 16 * KIB, 1, 64 * KIB, 0)


class MemoryDisk:
    """A disk as source and as target; counts what is read and refuses to lose a write."""

    def __init__(self, contents: bytes | bytearray) -> None:
        self.contents = bytearray(contents)
        self.read_bytes = 0
        self.written: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    def read_into(self, offset: int, buffer: memoryview) -> None:
        assert offset + len(buffer) <= len(self.contents)
        buffer[:] = self.contents[offset : offset + len(buffer)]
        with self._lock:
            self.read_bytes += len(buffer)

    def write(self, offset: int, data: Data) -> None:
        assert offset + len(data) <= len(self.contents)
        with self._lock:
            self.contents[offset : offset + len(data)] = data
            self.written.append((offset, len(data)))


def tiny_repository(storage: Storage, settings: RepositorySettings = TINY) -> Repository:
    return Repository.create(storage, PASSWORD, settings, cost=CHEAP)


def back_up_disk(
    repository: Repository,
    contents: bytes | bytearray,
    *,
    session_id: str | None = None,
    again: bool = False,
    machine: str = "machine",
    label: str = "point",
    parent: str | None = None,
    changes: RangeList | None = None,
    allocated: RangeList | None = None,
    storage: Storage | None = None,
    recipe: bytes = b"the recipe",
    parallelism: Parallelism = ONE_THREAD,
    control: Control | None = None,
    clock: Clock | None = None,
) -> BackupResult:
    """Back up one disk as one session; ``storage`` stands in for the repository's own."""
    ticket = repository.open_session(session_id or new_id(), machine, label, parent, again=again)
    disk = DiskInput("disk", "disk", len(contents), MemoryDisk(contents), allocated, changes)
    return back_up(
        storage or repository.storage,
        repository.backup_keys(ticket),
        ticket,
        [disk],
        recipe,
        control,
        parallelism,
        clock,
    )


def restored(repository: Repository, point: Point, parallelism: Parallelism = ONE_THREAD) -> bytes:
    """The bytes of the (only) disk of a point, through everything a restore checks."""
    disk = point.disks[0]
    target = MemoryDisk(bytes(disk.size_bytes))
    restore_disk(
        repository.storage,
        repository.restore_keys(point),
        point,
        disk.disk_id,
        target,
        parallelism=parallelism,
    )
    return bytes(target.contents)


def disk_contents(chooser: random.Random, size_bytes: int) -> bytearray:
    """A disk of holes, noise, text and copies."""
    contents = bytearray(size_bytes)
    at = 0
    while at < size_bytes:
        length = min(chooser.randrange(512, 24 * KIB), size_bytes - at)
        kind = chooser.randrange(4)
        if kind == 1:
            contents[at : at + length] = chooser.randbytes(length)
        elif kind == 2:
            word = b"%d green bottles " % chooser.randrange(5)
            contents[at : at + length] = (word * (length // len(word) + 1))[:length]
        elif kind == 3 and at:
            start = chooser.randrange(at)
            copied = contents[start : start + length]
            contents[at : at + len(copied)] = copied
        at += length
    return contents


def change(chooser: random.Random, contents: bytearray) -> RangeList:
    """Write and discard here and there, in place; returns what changed."""
    ranges: list[ByteRange] = []
    for _ in range(chooser.randrange(1, 6)):
        length = min(chooser.randrange(1, 12 * KIB), len(contents))
        offset = chooser.randrange(len(contents) - length + 1)
        zero = chooser.random() < 0.3
        contents[offset : offset + length] = bytes(length) if zero else chooser.randbytes(length)
        ranges = list(_cut_out(ranges, offset, length))
        ranges.append(ByteRange(offset, length, zero))
    return RangeList(ranges)


def _cut_out(ranges: Iterable[ByteRange], offset: int, length: int) -> Iterable[ByteRange]:
    """Later writes hide earlier ones."""
    end = offset + length
    for r in ranges:
        if r.offset < offset:
            yield ByteRange(r.offset, min(r.end, offset) - r.offset, r.zero)
        if r.end > end:
            start = max(r.offset, end)
            yield ByteRange(start, r.end - start, r.zero)


def objects_of(storage: MemoryStorage) -> dict[str, bytes]:
    """Every object with its bytes."""
    return {info.name: storage.get(info.name) for info in storage.list("")}
