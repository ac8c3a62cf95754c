"""Identifiers: UUIDv7 for what we make, system ids for what Azure has."""

from __future__ import annotations

import hashlib
import os
import time
import uuid

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_SYSTEM_ID_LENGTH = 50  # digits of base 36 that hold any SHA-256


def new_uuid() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562): sorts by the time it was made, to the millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def new_id() -> str:
    """A fresh UUIDv7 as lower-case text."""
    return str(new_uuid())


def id_text(value: uuid.UUID | None) -> str | None:
    """An id of a query as the database keeps it; ``None`` where none was given."""
    return None if value is None else str(value)


def system_id(arm_id: str) -> str:
    """The opaque id under which the API shows an Azure resource.

    SHA-256 of the lower-cased ARM id in base 36: stable across rescans and appliances
    (docs/behaviour/api-conventions.md, section 4.4).
    """
    number = int.from_bytes(hashlib.sha256(arm_id.lower().encode()).digest(), "big")
    digits: list[str] = []
    for _ in range(_SYSTEM_ID_LENGTH):
        number, digit = divmod(number, 36)
        digits.append(_BASE36[digit])
    return "".join(reversed(digits))
