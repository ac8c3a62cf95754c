"""Where ``kyanite repo restore --format vhd-dynamic`` writes: a VHD without its holes.

A fixed VHD is as long as the disk, and stays small only where file systems and copying
programs know holes. A dynamic one has blocks of 2 MiB, in any order, and a table of where they
are. It is begun anew when it was interrupted: the table is written last.
"""

from __future__ import annotations

import os
import threading
import uuid
from array import array
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from kyanite.azure.compute.vhd import dynamic_footer, dynamic_header
from kyanite.base.errors import Conflict
from kyanite.base.units import GIB, MIB, SECTOR_BYTES
from kyanite.cli.repo.image_target import explained, give_name
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.storage.base import Data

_BLOCK_BYTES: Final = 2 * MIB
_HEADER_BYTES: Final = 1024
_TABLE_AT: Final = SECTOR_BYTES + _HEADER_BYTES  # behind the copy of the footer, and the header
_BITMAP: Final = b"\xff" * (_BLOCK_BYTES // SECTOR_BYTES // 8)
"""In front of every block: all its sectors count."""
_ABSENT: Final = 0xFFFF_FFFF
_LARGEST_BYTES: Final = 2040 * GIB


class DynamicVhdTarget:
    """Takes a part of a disk, as ``ImageTarget`` does."""

    is_device = False
    already = RangeList.empty()

    def __init__(
        self, path: Path, part: ByteRange, disk_uuid: uuid.UUID, made_at: datetime
    ) -> None:
        """Raises ``Conflict`` if ``path`` exists, or the part is too large for a VHD."""
        if part.length > _LARGEST_BYTES:
            raise Conflict("A VHD has at most 2040 GiB; restore a raw image, or a range.")
        if os.path.lexists(path):
            raise Conflict(f"{path} exists already; choose another name.")
        self._path = path
        self._part = part
        self._size_bytes = -(-part.length // SECTOR_BYTES) * SECTOR_BYTES
        blocks = -(-self._size_bytes // _BLOCK_BYTES)
        table = array("I", [_ABSENT]) * (-(-blocks * 4 // SECTOR_BYTES) * SECTOR_BYTES // 4)
        self._table, self._blocks = table, blocks
        self._end = _TABLE_AT + 4 * len(table)
        self._footer = dynamic_footer(self._size_bytes, disk_uuid, made_at)
        self._lock = threading.Lock()
        self._work_path = path.with_name(path.name + ".partial")
        try:
            self._file = os.open(
                self._work_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
        except FileExistsError:
            raise Conflict(
                f"{self._work_path} exists; remove it: a dynamic VHD is begun anew."
            ) from None
        except OSError as error:
            raise explained(self._work_path, error) from None

    def write(self, offset: int, data: Data) -> None:
        """Write at an offset of the disk. Raises ``Conflict`` if the space is used up."""
        view = memoryview(data)
        at = offset - self._part.offset
        while view:
            inside = at % _BLOCK_BYTES
            part = view[: _BLOCK_BYTES - inside]
            self._put(self._place(at // _BLOCK_BYTES) + inside, part)
            at, view = at + len(part), view[len(part) :]

    def write_all(self, offset: int, parts: Sequence[Data]) -> None:
        """Write ``parts`` one behind the other, as ``write``."""
        for part in parts:
            self.write(offset, part)
            offset += memoryview(part).nbytes

    def write_zeros(self, offset: int, length: int) -> None:
        """Nothing to do: what is not written reads as zeros."""

    def finish(self, sync: bool = True) -> None:
        """Write the table and both footers; the file gets its name."""
        self._put(self._end, self._footer)
        table = self._table[:]
        table.byteswap()
        self._put(_TABLE_AT, table.tobytes())
        self._put(SECTOR_BYTES, dynamic_header(_TABLE_AT, self._blocks, _BLOCK_BYTES))
        self._put(0, self._footer)
        if sync:
            os.fsync(self._file)
        give_name(self._work_path, self._path, durable=sync)
        os.close(self._file)

    def keep(self) -> str:
        """Close after a failure; nothing is kept."""
        os.close(self._file)
        self._work_path.unlink(missing_ok=True)
        return ""

    def _place(self, number: int) -> int:
        """Where the bytes of a block begin in the file."""
        with self._lock:
            if self._table[number] == _ABSENT:
                self._table[number] = self._end // SECTOR_BYTES
                self._put(self._end, _BITMAP)
                self._end += len(_BITMAP) + _BLOCK_BYTES
            return self._table[number] * SECTOR_BYTES + len(_BITMAP)

    def _put(self, at: int, data: Data) -> None:
        view = memoryview(data)
        while view:
            try:
                done = os.pwrite(self._file, view, at)
            except OSError as error:
                raise explained(self._path, error) from None
            at, view = at + done, view[done:]
