"""Big disks whose bytes are made when they are read, and a storage that keeps no packs.

``python -m support.made_disk GIB`` backs up that much data on a disk of 1 TiB and prints
the most memory it took, in MiB.
"""

from __future__ import annotations

import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bench.peak_memory import peak_bytes
from kyanite.base.identifiers import new_id
from kyanite.base.units import GIB, MIB, TIB
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.format import PACKS_PREFIX
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.memory import MemoryStorage

_KEY = bytes(range(16))


class MadeDisk:
    """Every offset has its own incompressible bytes."""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        counter = (offset // 16).to_bytes(16, "big")
        encryptor = Cipher(algorithms.AES(_KEY), modes.CTR(counter)).encryptor()
        skipped = offset % 16
        buffer[:] = encryptor.update(bytes(skipped + len(buffer)))[skipped:]


class PacklessStorage(MemoryStorage):
    """Takes packs and forgets what is in them."""

    def put(self, name: str, data: Data) -> None:
        super().put(name, b"" if name.startswith(PACKS_PREFIX) else data)


def spread(size_bytes: int, data_bytes: int, run_bytes: int = 64 * MIB) -> RangeList:
    """``data_bytes`` in runs at equal distances over a disk."""
    count = data_bytes // run_bytes
    return RangeList(ByteRange(n * (size_bytes // count), run_bytes) for n in range(count))


def main(data_bytes: int) -> int:
    """The most memory of this process in bytes, after the backup."""
    storage = PacklessStorage()
    repository = Repository.create(storage, "password")
    ticket = repository.open_session(new_id(), "machine", "point")
    disk = DiskInput("disk", "disk", TIB, MadeDisk(), allocated=spread(TIB, data_bytes))
    result = back_up(storage, repository.backup_keys(ticket), ticket, [disk], b"")
    assert result.point.stored_bytes > data_bytes
    return peak_bytes()


if __name__ == "__main__":
    print(main(int(sys.argv[1]) * GIB) // MIB)
