"""Does restoring age? Point 1 against the last of a chain with 2 % of changes a day.

``python -m bench.restore_ageing [--points 365] [--mib 256] [--repack-every 0]``
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from bench.results_table import Figure
from kyanite.base import interpreter
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB, MIB
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.password_stretching import Cost
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.storage.base import Data, Storage
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.folder import FolderStorage

_SHARE_OF_CHANGES = 0.02
_PAIRS = 5
_CHEAP = Cost(memory_kib=8 * 1024, passes=1, lanes=1)


class _Disk:
    """A disk in memory, as source and as target."""

    def __init__(self, contents: bytearray) -> None:
        self.contents = contents

    def read_into(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = memoryview(self.contents)[offset : offset + len(buffer)]

    def write(self, offset: int, data: Data) -> None:
        self.contents[offset : offset + len(data)] = data


def run(folder: Path, points: int, size_bytes: int, repack_every: int) -> dict[str, object]:
    """Build the chain, then restore both ends in turns."""
    chooser = random.Random(1)
    storage = FolderStorage(folder)
    repository = Repository.create(storage, "bench", cost=_CHEAP)
    disk = _Disk(bytearray(b"".join(chooser.randbytes(MIB) for _ in range(size_bytes // MIB))))
    chain: list[tuple[Point, bytes]] = []
    parent: str | None = None
    changes: RangeList | None = None
    for number in range(points):
        ticket = repository.open_session(new_id(), "machine", f"day {number}", parent)
        source = DiskInput("disk", "disk", size_bytes, disk, None, changes)
        keys = repository.backup_keys(ticket)
        point = back_up(storage, keys, ticket, [source], b"", None, Parallelism.local()).point
        if number in (0, points - 1):
            chain.append((point, bytes(disk.contents)))
        if repack_every and number % repack_every == repack_every - 1:
            repository.repack()
            repository.clean()
        parent, changes = point.session_id, _change(chooser, disk.contents)
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(_PAIRS):
        for place, (point, contents) in enumerate(chain):
            target = _Disk(bytearray(size_bytes))
            restore_keys = repository.restore_keys(point)
            began = time.perf_counter()
            restore_disk(storage, restore_keys, point, "disk", target)
            seconds[place].append(time.perf_counter() - began)
            assert target.contents == contents
    read = [_bytes_read(storage, repository, point, contents) for point, contents in chain]
    first, newest = (statistics.median(one) for one in seconds)
    ratios = [later / early for early, later in zip(*seconds, strict=True)]
    return {
        "points": points,
        "mib": size_bytes // MIB,
        "read_mib": [round(one / MIB, 1) for one in read],
        "read_ratio": round(read[1] / read[0], 3),
        "seconds": [round(first, 3), round(newest, 3)],
        "wall_ratio": round(statistics.median(ratios), 3),
    }


def _bytes_read(storage: Storage, repository: Repository, point: Point, contents: bytes) -> int:
    """Of a storage that cannot skip what lies between the parts of a read."""
    counting = CountingStorage(storage)
    target = _Disk(bytearray(len(contents)))
    restore_disk(counting, repository.restore_keys(point), point, "disk", target)
    assert target.contents == contents
    return counting.bytes_moved["get"] + counting.bytes_moved["get_range"]


def measure(quick: bool) -> list[Figure]:
    """The ends of a chain of a year; ``quick``: of sixty days."""
    points = 60 if quick else 365
    with tempfile.TemporaryDirectory(prefix="kyanite-ageing-") as folder:
        found = run(Path(folder), points, 256 * MIB, 0)
    read, wall = float(str(found["read_ratio"])), float(str(found["wall_ratio"]))
    what = f"restore of point {points} against point 1"
    return [
        Figure(f"{what}, bytes read", f"{read:.3f}", "0.9 to 1.1", read <= 1.1),
        Figure(f"{what}, wall, median of {_PAIRS} pairs", f"{wall:.2f}", "<= 1.15", wall <= 1.15),
    ]


def _change(chooser: random.Random, contents: bytearray) -> RangeList:
    """Write 2 % anew, in runs of 64 KiB to 1 MiB at places that are multiples of 4 KiB."""
    left = int(len(contents) * _SHARE_OF_CHANGES)
    ranges: list[ByteRange] = []
    while left > 0:
        pages = min(chooser.randrange(16, 256), max(1, left // (4 * KIB)))
        length = 4 * KIB * pages
        offset = 4 * KIB * chooser.randrange((len(contents) - length) // (4 * KIB))
        contents[offset : offset + length] = chooser.randbytes(length)
        ranges.append(ByteRange(offset, length))
        left -= length
    return RangeList(ranges)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=365)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--repack-every", type=int, default=0, help="points; 0: never")
    options = parser.parse_args()
    interpreter.set_up()  # as the product's processes do
    with tempfile.TemporaryDirectory(prefix="kyanite-ageing-") as folder:
        size_bytes = options.mib * MIB
        print(json.dumps(run(Path(folder), options.points, size_bytes, options.repack_every)))


if __name__ == "__main__":
    main()
