"""Bytes on the disks of machines: written by the guest, compared after a restore."""

from __future__ import annotations

import random
from dataclasses import dataclass

from support.house import House, Machine

KIB = 1 << 10
MIB = 1 << 20
AT = 5 << 30
"""Behind the file systems that the scene's disks come with."""


@dataclass(frozen=True)
class Content:
    """What a guest has written to one disk, from ``AT`` on."""

    disk_id: str
    data: bytes


def write_noise(house: House, disk_id: str, size_bytes: int, seed: int) -> Content:
    """Incompressible bytes, the same for the same seed: two lengths begin with the same ones."""
    data = random.Random(seed).randbytes(size_bytes)
    house.control.write_disk(disk_id, AT, data)
    return Content(disk_id, data)


def scatter_noise(
    house: House, disk_id: str, pieces: int, piece_bytes: int, apart_bytes: int, seed: int
) -> None:
    """Incompressible pieces with nothing between them, from ``AT`` on."""
    chooser = random.Random(seed)
    for number in range(pieces):
        house.control.write_disk(disk_id, AT + number * apart_bytes, chooser.randbytes(piece_bytes))


def change(house: House, content: Content, offset: int, length: int, seed: int) -> Content:
    """Overwrite a part of it."""
    piece = random.Random(seed).randbytes(length)
    house.control.write_disk(content.disk_id, AT + offset, piece)
    data = content.data[:offset] + piece + content.data[offset + length :]
    return Content(content.disk_id, data)


def is_on_disk(house: House, content: Content, disk_id: str | None = None) -> bool:
    """Whether the disk (or another one) holds exactly these bytes."""
    found = house.control.read_disk(disk_id or content.disk_id, AT, len(content.data))
    return found == content.data


def file_systems(house: House, machine: Machine) -> dict[str, bytes]:
    """The first MiB of each disk: partition tables and superblocks of the scene's images."""
    return {disk_id: house.control.read_disk(disk_id, 0, MIB) for disk_id in machine.disk_ids}
