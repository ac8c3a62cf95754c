"""Index segments: where chunks are (docs/format/objects.md, "Index segment").

Records stay bytes: a hundred million of them must not become objects. A look-up searches
one bucket with ``bytes.find``, which is C.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.engine.format import ID_BYTES, MAX_PACK_BYTES, ensure
from kyanite.engine.pack import PackRef, PackTable

_HEAD: Final = struct.Struct("<IIB3s")
_PACK: Final = struct.Struct("<16s16sII")
RECORD: Final = struct.Struct("<32sIQ")
_MOST_BITS: Final = 20
_BUCKET_RECORDS: Final = 64


@dataclass(frozen=True, slots=True)
class IndexedPack:
    """A pack that a segment speaks of."""

    pack: PackRef
    size_bytes: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Location:
    """Where a chunk or page is: what must be known to read it, but for its whole id."""

    pack: PackRef
    epoch: int
    offset: int
    stored_length: int
    entry_type: int
    codec: int


def pack_place(offset: int, stored_length: int, entry_type: int, codec: int) -> int:
    """Where an entry lies, as one number of a record."""
    return offset | stored_length << 26 | entry_type << 49 | codec << 51


class Segment:
    """A segment in memory: packs, a bucket table and sorted records."""

    def __init__(self, packs: Sequence[IndexedPack], buckets: array[int], records: bytes) -> None:
        self.packs = packs
        self._buckets = buckets
        self._shift = 32 - (len(buckets) - 1).bit_length() + 1
        self._records = records

    def __len__(self) -> int:
        return len(self._records) // RECORD.size

    def find(self, entry_id: bytes, without: Container[int] = ()) -> Location | None:
        """A location of ``entry_id``, not in the packs whose numbers are in ``without``."""
        for location, number in self._hits(entry_id):
            if number not in without:
                return location
        return None

    def find_all(self, entry_id: bytes) -> Iterator[Location]:
        """Every location of ``entry_id`` in this segment."""
        return (location for location, _ in self._hits(entry_id))

    def records(self) -> Iterator[Location]:
        """Everything, in the order of ids."""
        for number in range(len(self)):
            yield self._location(number * RECORD.size)[0]

    def _hits(self, entry_id: bytes) -> Iterator[tuple[Location, int]]:
        bucket = int.from_bytes(entry_id[:4], "big") >> self._shift
        at = self._buckets[bucket] * RECORD.size
        end = self._buckets[bucket + 1] * RECORD.size
        while (at := self._records.find(entry_id, at, end)) >= 0:
            if at % RECORD.size:
                at += 1  # a chance hit across records
                continue
            yield self._location(at)
            at += RECORD.size

    def _location(self, at: int) -> tuple[Location, int]:
        _, number, place = RECORD.unpack_from(self._records, at)
        ensure(number < len(self.packs), "An index segment names a pack that it does not list.")
        pack = self.packs[number]
        location = Location(
            pack.pack,
            pack.epoch,
            place & 0x3FF_FFFF,
            place >> 26 & 0x7F_FFFF,
            place >> 49 & 3,
            place >> 51 & 3,
        )
        return location, number


def encode_segment(packs: Sequence[PackTable]) -> bytes:
    """The body of a segment over whole packs."""
    rows: list[bytes] = []
    for number, table in enumerate(packs):
        rows.extend(
            RECORD.pack(
                e.entry_id, number, pack_place(e.offset, e.stored_length, e.entry_type, e.codec)
            )
            for e in table.entries
        )
    return _assemble([IndexedPack(t.pack, t.size_bytes, t.epoch) for t in packs], rows)


def merge_segments(segments: Sequence[Segment], keep: Container[PackRef]) -> bytes | None:
    """One body for several segments, with the packs in ``keep`` only; ``None`` if none is left."""
    numbers: dict[PackRef, int] = {}
    packs: list[IndexedPack] = []
    rows: set[bytes] = set()
    for segment in segments:
        renumbered: dict[int, int] = {}
        for old, indexed in enumerate(segment.packs):
            if indexed.pack in keep:
                if indexed.pack not in numbers:
                    numbers[indexed.pack] = len(packs)
                    packs.append(indexed)
                renumbered[old] = numbers[indexed.pack]
        records = segment._records
        for at in range(0, len(records), RECORD.size):
            new = renumbered.get(int.from_bytes(records[at + 32 : at + 36], "little"))
            if new is not None:
                rest = records[at + 36 : at + RECORD.size]
                rows.add(records[at : at + 32] + new.to_bytes(4, "little") + rest)
    return _assemble(packs, list(rows)) if packs else None


def _assemble(packs: Sequence[IndexedPack], rows: list[bytes]) -> bytes:
    rows.sort(key=lambda row: (row[:ID_BYTES], row[32:36][::-1]))
    bits = min(_MOST_BITS, max(0, (len(rows) // _BUCKET_RECORDS).bit_length()))
    counts = [0] * (1 << bits)
    for row in rows:
        counts[int.from_bytes(row[:4], "big") >> (32 - bits)] += 1
    buckets = array("I", [0])
    for count in counts:
        buckets.append(buckets[-1] + count)
    if sys.byteorder == "big":
        buckets.byteswap()
    head = _HEAD.pack(len(packs), len(rows), bits, bytes(3))
    names = (_PACK.pack(p.pack.session_id, p.pack.pack_id, p.size_bytes, p.epoch) for p in packs)
    return b"".join((head, *names, buckets.tobytes(), *rows))


def decode_segment(name: str, body: bytes) -> Segment:
    """A segment from its authenticated body; raises ``Damaged`` if its counts do not fit."""
    ensure(len(body) >= _HEAD.size, f"{name} is cut short.")
    pack_count, record_count, bits, reserved = _HEAD.unpack_from(body)
    at_buckets = _HEAD.size + pack_count * _PACK.size
    at_records = at_buckets + 4 * ((1 << min(bits, _MOST_BITS)) + 1)
    ensure(
        bits <= _MOST_BITS
        and reserved == bytes(3)
        and len(body) == at_records + record_count * RECORD.size,
        f"{name} has another size than its counts say.",
    )
    packs = [
        IndexedPack(PackRef(session_id, pack_id), size_bytes, epoch)
        for session_id, pack_id, size_bytes, epoch in _PACK.iter_unpack(
            body[_HEAD.size : at_buckets]
        )
    ]
    ensure(all(p.size_bytes <= MAX_PACK_BYTES for p in packs), f"{name} names impossible packs.")
    buckets = array("I", body[at_buckets:at_records])
    if sys.byteorder == "big":
        buckets.byteswap()
    ensure(
        buckets[0] == 0 and buckets[-1] == record_count and list(buckets) == sorted(buckets),
        f"{name} has a bucket table that does not rise.",
    )
    return Segment(packs, buckets, body[at_records:])
