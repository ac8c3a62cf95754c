"""Restored bytes on their way into an upload disk."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime

import pytest

from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.compute.uploader import DiskUploader
from kyanite.azure.compute.vhd import fixed_footer
from kyanite.azure.connections import Answer
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import Cancelled, Rejected
from kyanite.base.units import GIB, MIB
from support.memory_planes import MemoryDisk, MemoryExchange, refusal

ID = uuid.UUID(int=7)
MADE = datetime(2026, 1, 1, tzinfo=UTC)
URL = RenewableUrl(SignedUrl.parse("https://disks.test/md-1/abcd?sig=x"))


def uploader(disk: MemoryDisk, *accidents: str | Answer) -> DiskUploader:
    return DiskUploader(DiskPages(MemoryExchange(disk, accidents), URL), len(disk.data) - 512)


def test_scattered_writes_arrive_where_they_belong_and_holes_are_never_sent() -> None:
    size = 64 * MIB
    disk, chance = MemoryDisk(size), random.Random(11)
    expected = bytearray(size)
    sent = 0
    with uploader(disk) as target:
        for index in chance.sample(range(64), 20):
            data = chance.randbytes(chance.randrange(1, 2048) * 512)
            expected[index * MIB : index * MIB + len(data)] = data
            target.write(index * MIB, memoryview(data))
            sent += len(data)
        target.finish(ID, MADE)
    assert disk.data[:size] == expected
    assert disk.data[size:] == fixed_footer(size, ID, MADE)
    assert sum(length for _, length in disk.writes) == sent + 512
    assert disk.writes[-1] == (size, 512)


def test_no_request_is_larger_than_azure_takes() -> None:
    disk = MemoryDisk(32 * MIB)
    data = random.Random(3).randbytes(MIB)
    with uploader(disk) as target:
        target.write(0, memoryview(data * 9))
        for index in range(9, 32):
            target.write(index * MIB, memoryview(data))
        target.finish(ID, MADE)
    assert disk.data[: 32 * MIB] == data * 32
    assert max(length for _, length in disk.writes) <= 4 * MIB


def test_the_caller_may_reuse_its_buffer_at_once() -> None:
    disk = MemoryDisk(8 * MIB)
    buffer = bytearray(MIB)
    with uploader(disk) as target:
        for index in range(8):
            buffer[:] = bytes([index + 1]) * MIB
            target.write(index * MIB, memoryview(buffer))
        target.finish(ID, MADE)
    assert all(disk.data[index * MIB] == index + 1 for index in range(8))


def test_a_refused_write_ends_the_restore_and_no_footer_is_put() -> None:
    disk = MemoryDisk(8 * MIB)
    with uploader(disk, refusal(400, "InvalidPageRange")) as target:
        target.write(0, memoryview(bytes(512)))
        with pytest.raises(Rejected, match="InvalidPageRange"):
            target.finish(ID, MADE)
    assert (8 * MIB, 512) not in disk.writes


def test_a_broken_connection_is_made_good() -> None:
    disk = MemoryDisk(8 * MIB)
    with uploader(disk, "before", "after") as target:
        target.write(MIB, memoryview(b"a" * 512))
        target.finish(ID, MADE)
    assert disk.data[MIB : MIB + 512] == b"a" * 512


def test_a_cancelled_restore_does_not_wait_for_its_queue() -> None:
    disk = MemoryDisk(8 * MIB)
    stop = [False]

    def check() -> None:
        if stop[0]:
            raise Cancelled("stop")

    pages = DiskPages(MemoryExchange(disk, (refusal(503, "ServerBusy"),) * 50), URL, check)
    with DiskUploader(pages, 8 * MIB) as target:
        target.write(0, memoryview(bytes(512)))
        stop[0] = True
        with pytest.raises(Cancelled):
            target.finish(ID, MADE)


def test_a_footer_is_what_the_specification_says() -> None:
    footer = fixed_footer(GIB, ID, MADE)
    assert len(footer) == 512
    assert footer[:8] == b"conectix"
    assert int.from_bytes(footer[40:48], "big") == int.from_bytes(footer[48:56], "big") == GIB
    # 1 GiB in the specification's own arithmetic: 2080 cylinders, 16 heads, 63 sectors
    assert footer[56:60] == (2080).to_bytes(2, "big") + bytes([16, 63])
    assert int.from_bytes(footer[60:64], "big") == 2
    without = footer[:64] + bytes(4) + footer[68:]
    assert int.from_bytes(footer[64:68], "big") == ~sum(without) & 0xFFFF_FFFF
