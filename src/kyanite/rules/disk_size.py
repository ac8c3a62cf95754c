"""How large a disk or snapshot is, from its raw configuration."""

from __future__ import annotations

from typing import Final

from kyanite.base.json_types import JsonObject, as_int, dig
from kyanite.base.units import GIB

VHD_FOOTER_BYTES: Final = 512
"""A disk is read and uploaded as a fixed VHD: its bytes, then this footer."""


def disk_size_bytes(disk: JsonObject) -> int:
    """Size of a disk or snapshot in bytes, exact where Azure says it, else from whole GiB."""
    exact = as_int(dig(disk, "properties", "diskSizeBytes"))
    return exact or as_int(dig(disk, "properties", "diskSizeGB")) * GIB
