"""Passwords become keys, slowly: Argon2id (docs/format/keys.md, "Key slots")."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from kyanite.engine.keys import derive

# 64 MiB and two passes: about 80 ms on one core of 2025, and expensive to guess in parallel.
_MEMORY_KIB: Final = 64 * 1024
_PASSES: Final = 2
_LANES: Final = 2

# What a reader accepts: a hostile slot must not make it use all memory or hours of time.
_MEMORY_BOUNDS_KIB: Final = (8 * 1024, 256 * 1024)
_MOST_PASSES: Final = 16
_MOST_LANES: Final = 16


@dataclass(frozen=True, slots=True)
class Cost:
    """How expensive a guess of the password is."""

    memory_kib: int = _MEMORY_KIB
    passes: int = _PASSES
    lanes: int = _LANES

    @property
    def is_reasonable(self) -> bool:
        """Whether a reader should do this work."""
        low, high = _MEMORY_BOUNDS_KIB
        return (
            low <= self.memory_kib <= high
            and 1 <= self.passes <= _MOST_PASSES
            and 1 <= self.lanes <= _MOST_LANES
        )


def stretch(password: str, salt: bytes, slot_id: bytes, cost: Cost) -> tuple[bytes, bytes]:
    """Wrapping key and key commitment of a password."""
    from argon2.low_level import Type, hash_secret_raw  # 20 ms, and not every command needs it

    secret = hash_secret_raw(
        unicodedata.normalize("NFC", password).encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=64,
        type=Type.ID,
    )
    return secret[:32], derive(secret[32:], "slot commitment", slot_id)
