"""The footer of a fixed VHD: the 512 bytes that stand behind the last byte of a disk.

What Azure exports is a fixed VHD, and what it takes for upload must be one. The layout is
that of the Virtual Hard Disk Image Format Specification 1.0.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from datetime import UTC, datetime

FOOTER_BYTES = 512
_COOKIE = b"conectix"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIXED_DISK = 2
_LAYOUT = struct.Struct(">8sIIQI4sI4sQQHBBII16sB427s")
_SIZE_OFFSET = 48


def make_footer(size_bytes: int, unique_id: str, created_at: datetime) -> bytes:
    """The footer of a disk, the same at every call."""
    cylinders, heads, sectors = _geometry(size_bytes // 512)
    seconds = max(0, int((created_at - _EPOCH).total_seconds())) & 0xFFFFFFFF
    identity = uuid.UUID(bytes=hashlib.sha256(unique_id.encode()).digest()[:16], version=4).bytes

    def packed(checksum: int) -> bytes:
        return _LAYOUT.pack(
            _COOKIE,
            2,  # features: the reserved bit, always set
            0x00010000,
            0xFFFFFFFFFFFFFFFF,  # a fixed disk has no header to point at
            seconds,
            b"wa\0\0",
            0x00010000,
            b"Wi2k",
            size_bytes,
            size_bytes,
            cylinders,
            heads,
            sectors,
            _FIXED_DISK,
            checksum,
            identity,
            0,
            bytes(427),
        )

    return packed(~sum(packed(0)) & 0xFFFFFFFF)


def is_footer_of(footer: bytes | None, size_bytes: int) -> bool:
    """Whether these bytes make a disk of this size a fixed VHD that Azure would start from."""
    if footer is None or not footer.startswith(_COOKIE):
        return False
    stated: int = struct.unpack_from(">Q", footer, _SIZE_OFFSET)[0]
    return stated == size_bytes


def _geometry(total_sectors: int) -> tuple[int, int, int]:
    """Cylinders, heads and sectors per track as the specification computes them."""
    total = min(total_sectors, 65535 * 16 * 255)
    if total >= 65535 * 16 * 63:
        return total // 255 // 16, 16, 255
    sectors, heads = 17, max(4, (total // 17 + 1023) // 1024)
    if total // 17 >= heads * 1024 or heads > 16:
        sectors, heads = 31, 16
    if total // sectors >= heads * 1024:
        sectors, heads = 63, 16
    return total // sectors // heads, heads, sectors
