"""Footers of VHDs, the last 512 bytes of an uploaded disk; and headers of dynamic ones.

Microsoft's "Virtual Hard Disk Image Format Specification", sections "Hard Disk Footer
Format" and "Dynamic Disk Header Format". All numbers are big-endian.
"""

from __future__ import annotations

import struct
import uuid
from datetime import UTC, datetime
from typing import Final

from kyanite.base.units import SECTOR_BYTES

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_FIXED: Final = 2
_DYNAMIC: Final = 3
_NO_OFFSET: Final = 0xFFFF_FFFF_FFFF_FFFF
_CHECKSUM_AT: Final = 64
_FOOTER: Final = struct.Struct(">8sIIQI4sI4sQQIII16sB427x")
_HEADER_CHECKSUM_AT: Final = 36
_HEADER: Final = struct.Struct(">8sQQIIII984x")
# Programs that know other creators take the geometry for the size, which rounds it down.
_CREATOR: Final = b"win "


def fixed_footer(size_bytes: int, disk_uuid: uuid.UUID, made_at: datetime) -> bytes:
    """The footer of a fixed disk of ``size_bytes``; the same arguments give the same bytes."""
    return _footer(size_bytes, disk_uuid, made_at, _FIXED, _NO_OFFSET)


def dynamic_footer(size_bytes: int, disk_uuid: uuid.UUID, made_at: datetime) -> bytes:
    """The footer of a dynamic disk, whose header stands behind the copy of the footer."""
    return _footer(size_bytes, disk_uuid, made_at, _DYNAMIC, SECTOR_BYTES)


def dynamic_header(table_offset: int, blocks: int, block_bytes: int) -> bytes:
    """The header of a dynamic disk of ``blocks``, whose places stand at ``table_offset``."""
    return _with_checksum(
        _HEADER.pack(b"cxsparse", _NO_OFFSET, table_offset, 0x0001_0000, blocks, block_bytes, 0),
        _HEADER_CHECKSUM_AT,
    )


def _footer(
    size_bytes: int, disk_uuid: uuid.UUID, made_at: datetime, kind: int, header_offset: int
) -> bytes:
    return _with_checksum(
        _FOOTER.pack(
            b"conectix",
            0x0000_0002,  # features: the reserved bit, always set
            0x0001_0000,  # version of the format
            header_offset,
            int((made_at - _EPOCH).total_seconds()),
            _CREATOR,
            0x0001_0000,
            b"Wi2k",
            size_bytes,
            size_bytes,
            _geometry(size_bytes),
            kind,
            0,
            disk_uuid.bytes,
            0,
        ),
        _CHECKSUM_AT,
    )


def _with_checksum(data: bytes, at: int) -> bytes:
    """``data`` with the ones' complement of the sum of its bytes; the field itself is 0 before."""
    checksum = ~sum(data) & 0xFFFF_FFFF
    return data[:at] + checksum.to_bytes(4, "big") + data[at + 4 :]


def _geometry(size_bytes: int) -> int:
    """Cylinders (16 bits), heads and sectors, by the appendix of the specification."""
    sectors = min(size_bytes // SECTOR_BYTES, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        per_track, heads = 255, 16
        tracks = sectors // per_track
    else:
        per_track = 17
        tracks = sectors // per_track
        heads = max(4, (tracks + 1023) // 1024)
        if tracks >= heads * 1024 or heads > 16:
            per_track, heads = 31, 16
            tracks = sectors // per_track
        if tracks >= heads * 1024:
            per_track, heads = 63, 16
            tracks = sectors // per_track
    return (tracks // heads) << 16 | heads << 8 | per_track
