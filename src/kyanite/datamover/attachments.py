"""Large things by reference: an order names them by digest, parts bring the bytes before.

A disk of many terabytes may have a million changed ranges. They do not fit a message, and
they must not lie on a disk; so they travel as content-addressed parts over the same
channel, and the order holds the SHA-256 of the whole.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from kyanite.base.errors import Invalid
from kyanite.base.units import MIB
from kyanite.datamover.messages import Part
from kyanite.engine.ranges import ByteRange, RangeList

PART_BYTES: Final = MIB
_LARGEST_BYTES: Final = 512 * MIB
_RANGE: Final = struct.Struct("<QQ")
_ZERO: Final = 1 << 63
"""Set in the length of a range that is known to be zero."""


class Attachments:
    """What an order refers to. The sender adds, the receiver collects parts."""

    def __init__(self) -> None:
        self._whole: dict[str, bytes] = {}
        self._pieces: dict[str, dict[int, bytes]] = {}

    def add(self, data: bytes) -> str:
        """Keep ``data``; returns its digest."""
        digest = hashlib.sha256(data).hexdigest()
        self._whole[digest] = data
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of a digest. Raises ``Invalid`` when they did not come before."""
        try:
            return self._whole[digest]
        except KeyError:
            raise Invalid("The order refers to something that was not sent with it.") from None

    def parts(self) -> Iterator[Part]:
        """Everything as messages."""
        for digest, data in self._whole.items():
            count = max(1, -(-len(data) // PART_BYTES))
            for index in range(count):
                yield Part(
                    digest, index, count, data[index * PART_BYTES : (index + 1) * PART_BYTES]
                )

    def collect(self, part: Part) -> None:
        """Take a part; the last one makes the whole, which must match its digest."""
        if part.digest in self._whole:
            return
        if not 0 <= part.index < part.count or part.count * PART_BYTES > _LARGEST_BYTES:
            raise Invalid(f"There is no part {part.index} of {part.count}.")
        pieces = self._pieces.setdefault(part.digest, {})
        pieces[part.index] = part.data
        if len(pieces) < part.count:
            return
        del self._pieces[part.digest]
        data = b"".join(pieces[index] for index in range(part.count))
        if hashlib.sha256(data).hexdigest() != part.digest:
            raise Invalid("What came with the order is not what the order refers to.")
        self._whole[part.digest] = data

    @property
    def sizes(self) -> Mapping[str, int]:
        """Digest → bytes, for tests."""
        return {digest: len(data) for digest, data in self._whole.items()}


def ranges_to_bytes(ranges: RangeList) -> bytes:
    """A range list, 16 bytes each."""
    return b"".join(
        _RANGE.pack(item.offset, item.length | (_ZERO if item.zero else 0)) for item in ranges
    )


def ranges_from_bytes(data: bytes) -> RangeList:
    """What ``ranges_to_bytes`` wrote. Raises ``Invalid``."""
    if len(data) % _RANGE.size:
        raise Invalid("A list of ranges is cut short.")
    return RangeList(
        ByteRange(offset, length & ~_ZERO, bool(length & _ZERO))
        for offset, length in _RANGE.iter_unpack(data)
    )
