"""The bytes of an index segment: where its pieces lie and how each is sealed.

docs/format/objects.md, "Index segment". Every piece can be read and opened on its own, so
that a look-up in a big index reads what it touches.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged
from kyanite.base.units import MIB
from kyanite.engine.format import (
    FORMAT_VERSION,
    INDEX_PREFIX,
    MAX_CHUNK_BYTES,
    MAX_PACK_BYTES,
    TAG_BYTES,
    Kind,
    Purpose,
    check_version,
    ensure,
    nonce,
)
from kyanite.engine.keys import derive, object_key
from kyanite.engine.storage.base import Data

SEGMENT_MAGIC: Final = b"kyn-indx"
HEADER: Final = struct.Struct("<8sHBBIIIQ16s16s")
PACK_ROW: Final = struct.Struct("<16s16sII")
GONE_ROW_BYTES: Final = 32
PREFIX_BYTES: Final = 16  # of an id; 128 keyed bits are as good as the whole for a look-up
PLACE_BYTES: Final = 7
RECORD_BYTES: Final = PREFIX_BYTES + 4 + PLACE_BYTES

BLOCK_PACKS: Final = 64
_BUCKET_RECORDS: Final = 128  # at most, on average
MOST_PART_BITS: Final = 12
_READABLE_PART_RECORDS: Final = 9_600_000
_READABLE_PACKS: Final = 2**26
_READABLE_GONE: Final = 2**20

_OFFSET_BITS: Final = 26
_LENGTH_BITS: Final = 23
_OFFSET_MASK: Final = (1 << _OFFSET_BITS) - 1
_LENGTH_MASK: Final = (1 << _LENGTH_BITS) - 1
_TYPE_AT: Final = _OFFSET_BITS + _LENGTH_BITS
_CODEC_AT: Final = _TYPE_AT + 2
_PLACE_BITS: Final = _CODEC_AT + 2
_LONGEST_ENTRY: Final = MAX_CHUNK_BYTES + TAG_BYTES


def place_of(offset: int, stored_length: int, entry_type: int, codec: int) -> int:
    """Where an entry lies in its pack, and how it is stored, as one number."""
    return offset | stored_length << _OFFSET_BITS | entry_type << _TYPE_AT | codec << _CODEC_AT


def open_place(place: int) -> tuple[int, int, int, int]:
    """Offset, stored length, type and codec. Raises ``Damaged`` for what no pack can hold."""
    offset = place & _OFFSET_MASK
    length = place >> _OFFSET_BITS & _LENGTH_MASK
    if (
        place >> _PLACE_BITS
        or not TAG_BYTES < length <= _LONGEST_ENTRY
        or offset + length > MAX_PACK_BYTES
    ):
        raise Damaged("An index segment names an impossible place.")
    return offset, length, place >> _TYPE_AT & 3, place >> _CODEC_AT & 3


def bucket_bits(records: int) -> int:
    """Bits of an id that choose the bucket in a part of so many records."""
    return (max(0, records - 1) // _BUCKET_RECORDS).bit_length()


@dataclass(frozen=True, slots=True)
class IndexSizes:
    """From which size on what is done with segments; readers take any.

    whole_bytes      up to this, an object is read whole: fewer requests than look-ups take
    part_records     most records in one part, so that a part can be made and put at once
    rewritten_bytes  up to this, the index is rewritten when packs go; of a bigger one it is
                     only written down that they are gone
    """

    whole_bytes: int = 2 * MIB
    part_records: int = 2_400_000
    rewritten_bytes: int = 8 * MIB

    def part_bits(self, records: int) -> int:
        """Bits of an id that choose the part of a segment of so many records."""
        return min(MOST_PART_BITS, (max(0, records - 1) // self.part_records).bit_length())


@dataclass(frozen=True, slots=True)
class Shape:
    """What the header of a segment says."""

    name: str
    header: bytes
    part_bits: int
    packs: int
    gone: int

    @property
    def directory_bytes(self) -> int:
        """Sealed: records of each part, then the packs that are gone."""
        return 4 * (1 << self.part_bits) + GONE_ROW_BYTES * self.gone + TAG_BYTES

    @property
    def blocks(self) -> int:
        return -(-self.packs // BLOCK_PACKS)

    def block_range(self, number: int) -> tuple[int, int]:
        """Offset and length of a sealed block of pack rows in the head object."""
        full = BLOCK_PACKS * PACK_ROW.size + TAG_BYTES
        rows = min(BLOCK_PACKS, self.packs - number * BLOCK_PACKS)
        start = HEADER.size + self.directory_bytes + number * full
        return start, rows * PACK_ROW.size + TAG_BYTES

    @property
    def blocks_end(self) -> int:
        """Where the head object ends, or the part inside of it begins."""
        start = HEADER.size + self.directory_bytes
        return start + self.packs * PACK_ROW.size + self.blocks * TAG_BYTES

    def part_name(self, part: int) -> str:
        """The object of a part; a segment of one part has it in the head object."""
        return self.name if self.part_bits == 0 else f"{self.name}.{part:03x}"

    def part_start(self) -> int:
        """Where in its object a part begins."""
        return self.blocks_end if self.part_bits == 0 else HEADER.size


def part_bytes(records: int) -> int:
    """Size of a part: the sealed table of its buckets, and the sealed buckets."""
    buckets = 1 << bucket_bits(records)
    return 2 * buckets + TAG_BYTES + records * RECORD_BYTES + buckets * TAG_BYTES


def object_of(name: str) -> tuple[str, int | None] | None:
    """Segment and part of an object under ``index/``; ``None`` if it is not ours."""
    stem, dot, part = name.removeprefix(INDEX_PREFIX).partition(".")
    try:
        if len(bytes.fromhex(stem)) != 16 or stem != stem.lower() or len(stem) != 32:
            return None
        if not dot:
            return name, None
        number = int(part, 16)
    except ValueError:
        return None
    return (INDEX_PREFIX + stem, number) if part == f"{number:03x}" else None


def make_header(repository_id: bytes, salt: bytes, part_bits: int, packs: int, gone: int) -> bytes:
    return HEADER.pack(
        SEGMENT_MAGIC, FORMAT_VERSION, part_bits, 0, packs, gone, 0, 0, repository_id, salt
    )


def read_header(name: str, data: Data, repository_id: bytes) -> Shape:
    """The shape of a segment; raises ``Damaged`` if it is none of this repository."""
    ensure(len(data) >= HEADER.size, f"{name} is cut short.")
    header = bytes(data[: HEADER.size])
    magic, version, bits, zero, packs, gone, zero2, zero3, owner, _ = HEADER.unpack(header)
    ensure(magic == SEGMENT_MAGIC, f"{name} is damaged: it is no index segment.")
    check_version(version, name)
    ensure(owner == repository_id, f"{name} belongs to another repository.")
    ensure(
        (zero, zero2, zero3) == (0, 0, 0)
        and bits <= MOST_PART_BITS
        and packs <= _READABLE_PACKS
        and gone <= _READABLE_GONE,
        f"{name} is damaged: its header makes no sense.",
    )
    return Shape(name, header, bits, packs, gone)


def check_part_count(name: str, records: int) -> None:
    ensure(records <= _READABLE_PART_RECORDS, f"{name} is damaged: a part is impossibly big.")


class SegmentSeal:
    """Seals and opens the pieces of one segment; each has a nonce of its own."""

    DIRECTORY: Final = 0
    BLOCK: Final = 1
    TABLE: Final = 2
    BUCKET: Final = 3

    def __init__(self, name: str, header: bytes, maintenance_key: bytes) -> None:
        salt = HEADER.unpack(header)[-1]
        key = object_key(maintenance_key, Kind.SEGMENT, salt)
        self.name = name
        self.cache_key = derive(key, "local cache", name.encode())
        self._cipher = AESGCM(key)
        self._context = header + name.encode()

    @staticmethod
    def number(area: int, part: int, item: int) -> int:
        """The number of a piece: 16 bits area, 16 bits part, 32 bits place."""
        return area << 48 | part << 32 | item

    def seal(self, number: int, plain: Data) -> bytes:
        return self._cipher.encrypt(nonce(Purpose.OBJECT, number), plain, self._context)

    def open(self, number: int, sealed: Data) -> bytes:
        """The plain bytes of a piece; raises ``Damaged`` if it is not this very one."""
        try:
            return self._cipher.decrypt(nonce(Purpose.OBJECT, number), sealed, self._context)
        except (InvalidTag, ValueError):  # ValueError: shorter than a tag
            raise Damaged(
                f"{self.name} is damaged, or was written with another key: "
                "a piece of it does not authenticate."
            ) from None
