"""The footer of a fixed VHD: the last 512 bytes of an uploaded disk.

Microsoft's "Virtual Hard Disk Image Format Specification", section "Hard Disk Footer
Format". All numbers are big-endian.
"""

from __future__ import annotations

import struct
import uuid
from datetime import UTC, datetime
from typing import Final

from kyanite.base.units import SECTOR_BYTES

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_FIXED: Final = 2
_NO_OFFSET: Final = 0xFFFF_FFFF_FFFF_FFFF
_CHECKSUM_AT: Final = 64
_FOOTER: Final = struct.Struct(">8sIIQI4sI4sQQIII16sB427x")


def fixed_footer(size_bytes: int, disk_uuid: uuid.UUID, made_at: datetime) -> bytes:
    """The footer of a fixed disk of ``size_bytes``; the same arguments give the same bytes."""
    footer = bytearray(
        _FOOTER.pack(
            b"conectix",
            0x0000_0002,  # features: the reserved bit, always set
            0x0001_0000,  # version of the format
            _NO_OFFSET,
            int((made_at - _EPOCH).total_seconds()),
            b"kyan",
            0x0001_0000,
            b"Wi2k",
            size_bytes,
            size_bytes,
            _geometry(size_bytes),
            _FIXED,
            0,
            disk_uuid.bytes,
            0,
        )
    )
    checksum = ~sum(footer) & 0xFFFF_FFFF
    footer[_CHECKSUM_AT : _CHECKSUM_AT + 4] = checksum.to_bytes(4, "big")
    return bytes(footer)


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
