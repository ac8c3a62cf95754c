"""A made disk image, and backups and restores of it inside this process."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.warm_memory import warm_memory
from kyanite.base.identifiers import new_id
from kyanite.base.units import MIB
from kyanite.cli.repo.image import ImageSource
from kyanite.cli.repo.image_target import ImageTarget
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.password_stretching import Cost
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.storage.base import Storage

DISK_ID: Final = "disk"
PASSWORD: Final = "bench"  # of a repository that lives as long as the run
_WARM_BYTES: Final = 4096 * MIB
_CHEAP: Final = Cost(memory_kib=8 * 1024, passes=1, lanes=1)


@dataclass(frozen=True, slots=True)
class Run:
    """One backup or restore. ``read_bytes``, ``moved_bytes``: of the source, of the storage."""

    wall_seconds: float
    cpu_seconds: float
    read_bytes: int
    moved_bytes: int


def make_image(folder: Path, size_bytes: int) -> Path:
    """A disk as ``make_disks.py`` makes it: holes, text, programs, random bytes, copies."""
    subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("make_disks.py")), str(folder)),
            *("--size", str(size_bytes), "--machines", "1", "--generation", "0"),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return folder / "m0.g0.img"


def new_repository(storage: Storage) -> Repository:
    """Empty, with ``PASSWORD``, which is stretched only a little."""
    return Repository.create(storage, PASSWORD, cost=_CHEAP)


def full_backup(repository: Repository, image: Path, parallelism: Parallelism) -> tuple[Point, Run]:
    """Back up the whole image; the session is opened before the time runs."""
    with ImageSource(image) as source:
        ticket = repository.open_session(new_id(), "machine", "full")
        disk = DiskInput(DISK_ID, image.name, source.size_bytes, source, source.allocated())
        keys = repository.backup_keys(ticket)
        with warm_memory(_WARM_BYTES):
            wall, cpu = time.perf_counter(), time.process_time()
            result = back_up(repository.storage, keys, ticket, [disk], b"", parallelism=parallelism)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    point = result.point
    return point, Run(wall, cpu, point.read_bytes, point.stored_bytes)


def whole_restore(repository: Repository, point: Point, out: Path, parallelism: Parallelism) -> Run:
    """Restore into a new file, as ``kyanite repo restore`` does; not waiting for the disk."""
    disk = point.disks[0]
    target = ImageTarget(out, ByteRange(0, disk.size_bytes), {})
    with warm_memory(_WARM_BYTES):
        wall, cpu = time.perf_counter(), time.process_time()
        result = restore_disk(
            repository.storage,
            repository.read_keys,
            point,
            disk.disk_id,
            target,
            parallelism=parallelism,
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    target.finish(sync=False)
    return Run(wall, cpu, result.written_bytes, result.read_bytes)


def check_same(one: Path, other: Path) -> None:
    """Fail unless both files hold the same bytes."""
    with one.open("rb") as first, other.open("rb") as second:
        while (block := first.read(4 * MIB)) == second.read(4 * MIB):
            if not block:
                return
    raise AssertionError(f"{other} differs from {one}.")
