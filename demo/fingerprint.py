"""Compare disks byte by byte, also when one of the two is gone by then.

A fingerprint holds the SHA-256 of every MiB that is not all zeros. It is read from Azure the way
any tool reads a disk: a snapshot, a signed URL, its allocated ranges. What was never written
reads as zeros by definition, so two disks with equal fingerprints are equal in every byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from demo.azure import Azure

MIB = 1 << 20
STRETCH = 8 * MIB  # read at once; a multiple of the block
_ZEROS = bytes(MIB)


@dataclass(frozen=True)
class Fingerprint:
    """Digest of each MiB of a disk that holds anything but zeros, by its number."""

    size_bytes: int
    blocks: dict[int, bytes]

    @property
    def data_bytes(self) -> int:
        """Bytes in blocks that hold data."""
        return len(self.blocks) * MIB


def differing_blocks(left: Fingerprint, right: Fingerprint) -> list[int]:
    """Numbers of the MiB in which two disks differ; a difference in size counts as one."""
    numbers = left.blocks.keys() | right.blocks.keys()
    differing = sorted(n for n in numbers if left.blocks.get(n) != right.blocks.get(n))
    return differing if left.size_bytes == right.size_bytes else [-1, *differing]


def take(azure: Azure, disk_id: str, name: str) -> Fingerprint:
    """The fingerprint of a disk, attached or not, through a snapshot that is removed again."""
    disk = azure.get(disk_id)
    group = disk_id[: disk_id.lower().index("/providers/")]
    snapshot_id = f"{group}/providers/Microsoft.Compute/snapshots/{name}"
    azure.put(
        snapshot_id,
        {
            "location": disk["location"],
            "sku": {"name": "Standard_LRS"},
            "properties": {
                "incremental": True,
                "creationData": {"createOption": "Copy", "sourceResourceId": disk_id},
            },
        },
    )
    url = azure.read_access(snapshot_id)
    try:
        size = int(disk["properties"]["diskSizeBytes"])
        with ThreadPoolExecutor(2) as pool:
            parts = pool.map(
                lambda at: _digests(azure, url, at, size), _stretches(azure.allocated(url), size)
            )
            blocks = {number: digest for part in parts for number, digest in part}
        return Fingerprint(size, blocks)
    finally:
        azure.end_access(snapshot_id)
        azure.delete(snapshot_id)


def _stretches(ranges: Iterator[tuple[int, int]], size: int) -> list[int]:
    """Offsets of the stretches that hold any allocated byte; the VHD footer is not the disk."""
    starts: set[int] = set()
    for offset, length in ranges:
        end = min(offset + length, size)
        starts.update(range(offset // STRETCH * STRETCH, end, STRETCH))
    return sorted(starts)


def _digests(azure: Azure, url: str, offset: int, size: int) -> list[tuple[int, bytes]]:
    data = azure.read(url, offset, min(STRETCH, size - offset))
    found: list[tuple[int, bytes]] = []
    for start in range(0, len(data), MIB):
        block = data[start : start + MIB]
        if block != _ZEROS[: len(block)]:
            found.append(((offset + start) // MIB, hashlib.sha256(block).digest()))
    return found
