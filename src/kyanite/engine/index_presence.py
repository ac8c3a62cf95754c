"""Which ids may be in the segments that were read whole: one bit to ask instead of each segment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kyanite.engine.index_layout import RECORD_BYTES

_BITS: Final = 24  # 2 MiB: some hundred thousand records leave most of them free
_SHIFT: Final = 64 - _BITS


class Presence:
    """A bit for the leading bits of every id."""

    def __init__(self, every: Iterable[bytes]) -> None:
        bits = self._bits = bytearray(1 << (_BITS - 3))
        for records in every:
            for at in range(0, len(records), RECORD_BYTES):
                place = int.from_bytes(records[at : at + 3], "big")
                bits[place >> 3] |= 1 << (place & 7)

    def may_have(self, head: int) -> int:
        """Zero if no segment has an id with these first 64 bits."""
        place = head >> _SHIFT
        return self._bits[place >> 3] >> (place & 7) & 1
