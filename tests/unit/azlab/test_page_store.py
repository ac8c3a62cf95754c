"""The page store against a model: a bytearray a disk, and its memory of what changed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from azlab.services.disks.layer import SECTOR_BYTES
from azlab.services.disks.store import OutsideVolume, PageStore, VolumeFrozen, VolumeMissing

SIZE_BYTES = 1 << 20
SECTORS = SIZE_BYTES // SECTOR_BYTES


class ModelDisk:
    """What a disk must hold, sector by sector: bytes, allocation, changes."""

    def __init__(self) -> None:
        self.content = bytearray(SIZE_BYTES)
        self.allocated = [False] * SECTORS
        self.changed: list[str | None] = [None] * SECTORS

    def write(self, offset: int, data: bytes) -> None:
        self.content[offset : offset + len(data)] = data
        self._mark(offset, len(data), True, "data")

    def clear(self, offset: int, length: int) -> None:
        self.content[offset : offset + length] = bytes(length)
        self._mark(offset, length, False, "cleared")

    def _mark(self, offset: int, length: int, allocated: bool, change: str) -> None:
        for sector in range(offset // SECTOR_BYTES, (offset + length) // SECTOR_BYTES):
            self.allocated[sector] = allocated
            self.changed[sector] = change


def _change_randomly(
    rng: random.Random, store: PageStore, volume_id: str, model: ModelDisk, count: int
) -> None:
    for _ in range(count):
        first = rng.randrange(SECTORS)
        length = rng.randrange(1, min(40, SECTORS - first) + 1) * SECTOR_BYTES
        offset = first * SECTOR_BYTES
        if rng.random() < 0.6:
            data = rng.randbytes(length)
            store.write(volume_id, offset, memoryview(data))
            model.write(offset, data)
        else:
            store.clear(volume_id, offset, length)
            model.clear(offset, length)


def _as_sectors(ranges: list[tuple[int, int, str]]) -> list[str | None]:
    sectors: list[str | None] = [None] * SECTORS
    previous_end = -1
    for offset, length, what in ranges:
        assert offset >= previous_end, "ranges are sorted and do not overlap"
        previous_end = offset + length
        for sector in range(offset // SECTOR_BYTES, (offset + length) // SECTOR_BYTES):
            sectors[sector] = what
    return sectors


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_writes_discards_and_snapshots_agree_with_a_model(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    store = PageStore(tmp_path)
    store.create("disk", SIZE_BYTES)
    model = ModelDisk()
    held: list[tuple[str, bytes, list[bool]]] = []
    since: list[list[str | None]] = []  # changes from each snapshot to the next
    for number in range(6):
        _change_randomly(rng, store, "disk", model, 25)
        store.snapshot("disk", f"snap-{number}")
        held.append((f"snap-{number}", bytes(model.content), model.allocated.copy()))
        since.append(model.changed)
        model.changed = [None] * SECTORS
        if number == 3:
            store.close()
            store = PageStore(tmp_path)
    for name, content, allocated in held:
        assert store.read(name, 0, SIZE_BYTES) == content
        ranges = [(r.offset, r.length, "data") for r in store.allocated(name, 0, SIZE_BYTES)]
        assert [what is not None for what in _as_sectors(ranges)] == allocated
    for older in range(len(held)):
        for newer in range(older, len(held)):
            expected: list[str | None] = [None] * SECTORS
            for step in since[older + 1 : newer + 1]:
                expected = [new or old for new, old in zip(step, expected, strict=True)]
            found = store.differences(held[older][0], held[newer][0], 0, SIZE_BYTES)
            reported = [(r.offset, r.length, "cleared" if r.cleared else "data") for r in found]
            assert _as_sectors(reported) == expected
    with pytest.raises(VolumeMissing):
        store.differences(held[3][0], held[1][0], 0, SIZE_BYTES)


def test_neighbouring_ranges_are_joined_and_clipped_to_the_window(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    store.create("disk", SIZE_BYTES)
    store.snapshot("disk", "before")
    for sector in (10, 11, 12):
        store.write("disk", sector * 512, memoryview(b"x" * 512))
    store.snapshot("disk", "middle")
    store.write("disk", 13 * 512, memoryview(b"y" * 512))
    store.clear("disk", 14 * 512, 512)
    store.snapshot("disk", "after")
    whole = store.differences("before", "after", 0, SIZE_BYTES)
    assert [(r.offset, r.length, r.cleared) for r in whole] == [
        (10 * 512, 4 * 512, False),
        (14 * 512, 512, True),
    ]
    window = store.differences("before", "after", 12 * 512, 14 * 512)
    assert [(r.offset, r.length) for r in window] == [(12 * 512, 2 * 512)]
    assert [(r.offset, r.length) for r in store.allocated("after", 0, 11 * 512)] == [
        (10 * 512, 512)
    ]


def test_disks_made_from_one_snapshot_do_not_see_each_other(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    store.create("disk", SIZE_BYTES)
    store.write("disk", 0, memoryview(b"o" * 1024))
    store.snapshot("disk", "snap")
    store.clone("snap", "left", SIZE_BYTES)
    store.clone("snap", "right", 2 * SIZE_BYTES)
    store.write("left", 0, memoryview(b"l" * 512))
    store.clear("right", 512, 512)
    assert store.read("snap", 0, 1024) == b"o" * 1024
    assert store.read("left", 0, 1024) == b"l" * 512 + b"o" * 512
    assert store.read("right", 0, 1024) == b"o" * 512 + bytes(512)
    assert store.read("right", SIZE_BYTES, 100) == bytes(100)


def test_a_layer_goes_with_the_last_volume_that_looks_through_it(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    store.create("disk", SIZE_BYTES)
    store.write("disk", 0, memoryview(b"a" * 4096))
    store.snapshot("disk", "snap")
    store.write("disk", 4096, memoryview(b"b" * 4096))
    store.delete("disk")
    assert store.read("snap", 0, 8192) == b"a" * 4096 + bytes(4096)
    assert len(list(tmp_path.glob("*.data"))) == 1
    store.delete("snap")
    assert list(tmp_path.glob("*.data")) == []
    assert list(tmp_path.glob("*.map")) == []


def test_an_empty_tebibyte_and_its_snapshots_take_no_space(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    store.create("disk", 1 << 40)
    store.write("disk", (1 << 40) - 512, memoryview(b"e" * 512))
    for number in range(20):
        store.snapshot("disk", f"snap-{number}")
    assert store.read("snap-19", (1 << 40) - 512, 512) == b"e" * 512
    used_bytes = sum(path.stat().st_blocks * 512 for path in tmp_path.iterdir())
    assert used_bytes < 1 << 20


def test_snapshots_refuse_writes_and_ranges_must_be_whole_sectors_inside(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    store.create("disk", SIZE_BYTES)
    store.snapshot("disk", "snap")
    with pytest.raises(VolumeFrozen):
        store.write("snap", 0, memoryview(bytes(512)))
    with pytest.raises(OutsideVolume):
        store.write("disk", 100, memoryview(bytes(512)))
    with pytest.raises(OutsideVolume):
        store.write("disk", SIZE_BYTES, memoryview(bytes(512)))
    with pytest.raises(OutsideVolume):
        store.read("disk", SIZE_BYTES - 1, 2)


WRITER = """
import sys
from pathlib import Path
from azlab.services.disks.store import PageStore
store = PageStore(Path(sys.argv[1]))
store.create("disk", 1 << 30)
for number in range(1 << 20):
    sector = number * 37 % 50000
    store.write("disk", sector * 512, memoryview(number.to_bytes(8, "big") * 64))
    if number % 100 == 50:
        store.snapshot("disk", f"snap-{number}")
    print(number, flush=True)
"""


def test_every_answered_write_is_there_after_sigkill(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) == 2500:
            break
    os.kill(child.pid, signal.SIGKILL)
    answered = max([2500, *(int(line) for line in child.stdout if line.endswith("\n"))])
    child.wait()
    store = PageStore(tmp_path)
    for number in range(answered + 1):
        sector = number * 37 % 50000
        assert store.read("disk", sector * 512, 512) == number.to_bytes(8, "big") * 64
    assert store.exists("snap-2450")
    assert store.read("snap-2450", 2451 * 37 % 50000 * 512, 512) == bytes(512)
