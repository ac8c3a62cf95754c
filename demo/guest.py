"""What the guests of the machines do: fill their disks, later change a little of it.

Everything follows from one seed, so a run can be repeated. Of what is written first, 35 % is
incompressible, the rest are log lines; a third of it is the same on every machine, as system
files are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.azure import Azure

MIB = 1 << 20
PIECE = 8 * MIB
BASE = 3 << 30
"""Offset behind the small file systems that the scene's disks come with."""

INCOMPRESSIBLE_SHARE = 0.35
SHARED_SHARE = 0.33


@dataclass(frozen=True)
class Written:
    """What a guest did to one disk."""

    disk_id: str
    offset: int
    length: int
    incompressible_bytes: int


@dataclass(frozen=True)
class Changed:
    """Bytes written and discarded in a round of changes."""

    written_bytes: int
    discarded_bytes: int


class Content:
    """Makes bytes: log lines and noise."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        words = (
            b"accepted connection from user service started stopped request "
            b"/api/v1/orders 200 404 timeout cache miss"
        ).split()
        rng = np.random.default_rng(seed)
        lines = []
        for number in range(20_000):
            picked = [words[i] for i in rng.integers(0, len(words), 7)]
            stamp = f"2026-03-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:07 ".encode()
            lines.append(stamp + b" ".join(picked) + b" %x\n" % int(rng.integers(0, 1 << 40)))
        self._log = b"".join(lines)

    def noise(self, key: int, length: int) -> bytes:
        """Bytes that no program can compress."""
        return np.random.default_rng([self.seed, key]).bytes(length)

    def log(self, key: int, length: int) -> bytes:
        """Log lines, different for each key."""
        start = key * 7919 % len(self._log)
        head = b"machine-%d " % key
        repeated = (head + self._log[start:] + self._log[:start]) * (length // len(self._log) + 1)
        return repeated[:length]


def fill(azure: Azure, content: Content, disk_id: str, number: int, length: int) -> Written:
    """Write ``length`` bytes to a disk from ``BASE`` on; ``number`` tells the disks apart."""
    incompressible = 0
    pieces = length // PIECE
    for piece in range(pieces):
        shared = piece < pieces * SHARED_SHARE
        key = piece if shared else (number + 1) * 100_000 + piece
        # Spread evenly: every piece whose share of the sum passes the next whole number.
        noisy = int((piece + 1) * INCOMPRESSIBLE_SHARE) > int(piece * INCOMPRESSIBLE_SHARE)
        data = content.noise(key, PIECE) if noisy else content.log(key, PIECE)
        incompressible += PIECE if noisy else 0
        azure.guest_write(disk_id, BASE + piece * PIECE, data)
    return Written(disk_id, BASE, pieces * PIECE, incompressible)


def change(azure: Azure, content: Content, written: Written, share: float) -> Changed:
    """Overwrite about ``share`` of what was written, a few large and small pieces; discard some."""
    rng = np.random.default_rng([content.seed, len(written.disk_id), written.length])
    budget = int(written.length * share)
    done = 0
    key = 900_000
    while done < budget:
        size = int(rng.choice([64 << 10, 256 << 10, MIB, 4 * MIB]))
        offset = written.offset + int(rng.integers(0, (written.length - size) // 4096)) * 4096
        azure.guest_write(written.disk_id, offset, content.noise(key, size))
        done += size
        key += 1
    discarded = 2 * MIB
    azure.guest_discard(written.disk_id, written.offset + written.length - discarded, discarded)
    return Changed(done, discarded)
