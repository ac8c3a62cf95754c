"""Is it all zeros? Two probes settle it for most data, a comparison in C for zeros."""

from __future__ import annotations

from typing import Final

from kyanite.base.units import KIB

# Small enough to stay in the processor's first caches, and off the allocator's slow path.
_STEP_BYTES: Final = 64 * KIB
_ZEROS: Final = bytes(_STEP_BYTES)


def is_zero(data: memoryview) -> bool:
    """Whether all bytes are zero. ``data`` is not empty."""
    if data[0] or data[len(data) // 2]:
        return False
    # Not ``memoryview == bytes``: that compares item by item, 20 times slower.
    for at in range(0, len(data), _STEP_BYTES):
        part = bytes(data[at : at + _STEP_BYTES])
        if part != (_ZEROS if len(part) == _STEP_BYTES else _ZEROS[: len(part)]):
            return False
    return True


def clear(data: memoryview) -> None:
    """Fill with zeros."""
    for at in range(0, len(data), _STEP_BYTES):
        part = data[at : at + _STEP_BYTES]
        part[:] = _ZEROS[: len(part)]
