"""Streams of unknown length: every byte comes back; what moved by any number is shared."""

from __future__ import annotations

import io
import random

import pytest

from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB, MIB
from kyanite.engine.backup import BackupResult, back_up
from kyanite.engine.disk_input import DiskInput, StreamInput
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.repository import Repository
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.stream_marks import StreamMarks
from kyanite.engine.verify import Level
from support.engine import MemoryDisk, restored, tiny_repository

# Marks are at least 64 KiB apart on average.
SMALL = RepositorySettings(
    cut_bytes=72 * KIB,
    cut_least_bytes=8 * KIB,
    cut_most_bytes=256 * KIB,
    pack_bytes=512 * KIB,
    page_span_bytes=2 * MIB,
    inner_fanout=2,
)


class Dribble(io.BytesIO):
    """Gives less than was asked for, as pipes do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 70_001))


def back_up_stream(repository: Repository, contents: bytes, threads: int = 3) -> BackupResult:
    ticket = repository.open_session(new_id(), "machine", "dump")
    return back_up(
        repository.storage,
        repository.backup_keys(ticket),
        ticket,
        [StreamInput("dump", "dump.sql", Dribble(contents))],
        b"",
        parallelism=Parallelism(threads, 2, 2, 512 * KIB, 2, 512 * KIB, 0),
    )


@pytest.mark.parametrize(
    "size_bytes", [0, 1, 15, 16, 8 * KIB, MIB - 1, MIB, MIB + 1, 2 * MIB, 4 * MIB + 5]
)
def test_a_stream_of_any_length_comes_back(size_bytes: int) -> None:
    repository = tiny_repository(MemoryStorage(), SMALL)
    contents = random.Random(size_bytes).randbytes(size_bytes)
    point = back_up_stream(repository, contents).point
    assert point.disks[0].size_bytes == size_bytes
    assert restored(repository, point) == contents
    assert repository.verify(Level.FULL).damages == ()


def test_zeros_in_a_stream_cost_nothing_and_come_back() -> None:
    repository = tiny_repository(MemoryStorage(), SMALL)
    contents = b"head" + bytes(3 * MIB) + b"tail"
    point = back_up_stream(repository, contents).point
    assert point.stored_bytes < 10 * KIB
    assert restored(repository, point) == contents


@pytest.mark.parametrize("shift", [1, 7, 4095, 100_001])
def test_what_moved_by_any_number_of_bytes_is_shared(shift: int) -> None:
    chooser = random.Random(shift)
    contents = chooser.randbytes(6 * MIB)
    repository = tiny_repository(MemoryStorage(), SMALL)
    first = back_up_stream(repository, contents).point
    moved = chooser.randbytes(shift) + contents
    second = back_up_stream(repository, moved).point
    assert first.stored_bytes > 6 * MIB
    # Cuts start anew at each border of spans, and meet within one or two chunks.
    assert second.stored_bytes < shift + 4 * 3 * 160 * KIB
    assert restored(repository, second) == moved


def test_cuts_of_streams_depend_on_no_thread() -> None:
    contents = random.Random(4).randbytes(5 * MIB + 3)
    repository = tiny_repository(MemoryStorage(), SMALL)
    one, many = (back_up_stream(repository, contents, count).point for count in (1, 5))
    assert one.disks[0].inner == many.disks[0].inner


def test_a_stream_and_a_disk_are_in_one_point() -> None:
    repository = tiny_repository(MemoryStorage(), SMALL)
    ticket = repository.open_session(new_id(), "machine", "both")
    noise = random.Random(1).randbytes(300 * KIB)
    point = back_up(
        repository.storage,
        repository.backup_keys(ticket),
        ticket,
        [
            StreamInput("dump", "dump", io.BytesIO(noise)),
            DiskInput("disk", "disk", len(noise), MemoryDisk(noise)),
        ],
        b"",
    ).point
    assert [disk.size_bytes for disk in point.disks] == [len(noise)] * 2
    assert restored(repository, point) == noise


def test_marks_depend_on_the_16_bytes_before_them_and_on_the_key() -> None:
    data = random.Random(9).randbytes(MIB)
    marks = StreamMarks(b"k" * 32, 64 * KIB)
    whole = marks.of(b"", memoryview(data))
    half = MIB // 2 + 5
    parts = marks.of(b"", memoryview(data)[:half]) + marks.of(data[:half], memoryview(data)[half:])
    assert whole == parts
    assert 4 < whole.count(1) < 40
    assert whole != StreamMarks(b"l" * 32, 64 * KIB).of(b"", memoryview(data))
