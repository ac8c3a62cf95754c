"""One layer of a disk: what was written or cleared since the layer below was frozen.

On disk a layer is two files. ``<id>.data`` is sparse and holds written sectors at their own
offsets. ``<id>.map`` is a journal of what the sectors mean: fixed records, appended after
the bytes of a write are in ``.data`` and before the write is answered.

What survives: both files are written with plain system calls, so everything an answered
write left is in the kernel's page cache and outlives a SIGKILL of the lab. Nothing is
synced to the medium: a power cut may lose the last seconds, which a lab may. A record that
was cut short or does not match its checksum ends the journal; it belonged to a write that
nobody was told about.
"""

from __future__ import annotations

import ctypes
import os
import struct
import zlib
from pathlib import Path

from azlab.services.disks.range_map import RangeMap, Run, after_all

SECTOR_BYTES = 512
DATA = 1
"""State of a sector whose bytes are in the layer's own file."""
CLEARED = 2
"""State of a sector that was discarded in this layer: zeros, whatever lies below."""

_RECORD = struct.Struct("<QQII")  # first sector, number of sectors, state, checksum
_CHECKED = struct.Struct("<QQI")
_COMPACT_FACTOR = 4
_COMPACT_FLOOR = 4096
_PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01


def _record(run: Run) -> bytes:
    length = run.end - run.start
    checksum = zlib.crc32(_CHECKED.pack(run.start, length, run.state))
    return _RECORD.pack(run.start, length, run.state, checksum)


class Layer:
    """The files and the map of one layer. Not thread-safe: the volume above locks writes.

    Reading the data file while it is written is safe: it is positional, and the caller takes
    the map's word for which sectors to read.
    """

    def __init__(self, folder: Path, layer_id: str) -> None:
        self.layer_id = layer_id
        self._data_path = folder / f"{layer_id}.data"
        self._map_path = folder / f"{layer_id}.map"
        self._data = _Descriptor(self._data_path, 0)
        self.map, records, good_bytes = _replay(self._map_path)
        self._journal: _Descriptor | None = None  # only the writable layer of a disk needs one
        if self._map_path.exists():
            os.truncate(self._map_path, good_bytes)
        if records > _COMPACT_FACTOR * len(self.map) + _COMPACT_FLOOR:
            self._compact()

    def write(self, offset: int, data: memoryview) -> None:
        """Store whole sectors at a byte offset that is a multiple of the sector size."""
        position = offset
        rest = data
        while rest:
            written = os.pwrite(self._data.number, rest, position)
            rest = rest[written:]
            position += written
        self._mark(offset, len(data), DATA)

    def clear(self, offset: int, length: int) -> None:
        """Discard whole sectors: they read as zeros and their space is given back."""
        self._mark(offset, length, CLEARED)
        _punch_hole(self._data.number, offset, length)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer from the layer's own file, zeros where the file has nothing."""
        position = offset
        rest = buffer
        while rest:
            count = os.preadv(self._data.number, [rest], position)
            if count == 0:
                rest[:] = bytes(len(rest))
                return
            rest = rest[count:]
            position += count

    def delete(self) -> None:
        """Remove the files. Readers that still hold the layer finish undisturbed."""
        self._map_path.unlink(missing_ok=True)
        self._data_path.unlink(missing_ok=True)

    def _mark(self, offset: int, length: int, state: int) -> None:
        run = Run(offset // SECTOR_BYTES, (offset + length) // SECTOR_BYTES, state)
        if self._journal is None:
            self._journal = _Descriptor(self._map_path, os.O_APPEND)
        os.write(self._journal.number, _record(run))
        self.map.assign(*run)

    def _compact(self) -> None:
        """Replace a journal that says things many times by one that says them once."""
        fresh_path = self._map_path.with_suffix(".map-new")
        fresh_path.write_bytes(b"".join(_record(run) for run in self.map.present()))
        fresh_path.replace(self._map_path)


class _Descriptor:
    """An open file that is closed when the last thread that reads from it lets go.

    A read resolves its ranges first and reads afterwards; a disk deleted in between must
    not turn the number into that of another file.
    """

    def __init__(self, path: Path, extra_flags: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | extra_flags
        self.number = os.open(path, flags, 0o600)

    def __del__(self) -> None:
        number = getattr(self, "number", -1)
        if number >= 0:
            os.close(number)


def _replay(path: Path) -> tuple[RangeMap, int, int]:
    """The map a journal describes, its number of records and the bytes that are good."""
    runs: list[Run] = []
    journal = path.read_bytes() if path.exists() else b""
    whole = len(journal) - len(journal) % _RECORD.size
    for start, length, state, checksum in _RECORD.iter_unpack(journal[:whole]):
        if zlib.crc32(_CHECKED.pack(start, length, state)) != checksum:
            break
        runs.append(Run(start, start + length, state))
    return after_all(runs), len(runs), len(runs) * _RECORD.size


_libc = ctypes.CDLL(None, use_errno=True)


def _punch_hole(descriptor: int, offset: int, length: int) -> None:
    """Give space back to the host; a file system that cannot do it just keeps the space."""
    _libc.fallocate(
        ctypes.c_int(descriptor),
        ctypes.c_int(_PUNCH_HOLE_KEEP_SIZE),
        ctypes.c_int64(offset),
        ctypes.c_int64(length),
    )
