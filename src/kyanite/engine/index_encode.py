"""Writing index segments from records that fit into memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from kyanite.base.errors import Invalid
from kyanite.engine.format import INDEX_PREFIX
from kyanite.engine.index_layout import (
    BLOCK_PACKS,
    GONE_ROW_BYTES,
    PACK_ROW,
    PLACE_BYTES,
    PREFIX_BYTES,
    RECORD_BYTES,
    SegmentSeal,
    Shape,
    bucket_bits,
    make_header,
    place_of,
    read_header,
)
from kyanite.engine.pack import HEADER as PACK_HEADER
from kyanite.engine.pack import ROW, PackTable
from kyanite.engine.randomness import draw

_MOST_IN_BUCKET: Final = 0xFFFF


def rows_of(tables: Sequence[PackTable]) -> list[bytes]:
    """The records of whole packs, numbered as given, in no order."""
    rows: list[bytes] = []
    for number, table in enumerate(tables):
        pack = number.to_bytes(4, "little")
        at = PACK_HEADER.size
        for entry_id, stored, _, entry_type, codec, _ in ROW.iter_unpack(table.rows):
            place = place_of(at, stored, entry_type, codec)
            rows.append(entry_id[:PREFIX_BYTES] + pack + place.to_bytes(PLACE_BYTES, "little"))
            at += stored
    return rows


def pack_rows(tables: Sequence[PackTable]) -> bytes:
    return b"".join(
        PACK_ROW.pack(t.pack.session_id, t.pack.pack_id, t.size_bytes, t.epoch) for t in tables
    )


class SegmentWriter:
    """One new segment: its name and key are drawn here."""

    def __init__(
        self,
        maintenance_key: bytes,
        repository_id: bytes,
        part_bits: int,
        packs: bytes,
        gone: bytes,
    ) -> None:
        self.name = f"{INDEX_PREFIX}{draw(16).hex()}"
        header = make_header(
            repository_id,
            draw(16),
            part_bits,
            len(packs) // PACK_ROW.size,
            len(gone) // GONE_ROW_BYTES,
        )
        self.shape: Shape = read_header(self.name, header, repository_id)
        self._seal = SegmentSeal(self.name, header, maintenance_key)
        self._packs = packs
        self._gone = gone

    def head(self, counts: Sequence[int]) -> bytes:
        """The head object, without the part that a segment of one part has behind it."""
        directory = struct.pack(f"<{len(counts)}I", *counts) + self._gone
        seal = self._seal
        step = BLOCK_PACKS * PACK_ROW.size
        return b"".join(
            (
                self.shape.header,
                seal.seal(seal.number(seal.DIRECTORY, 0, 0), directory),
                *(
                    seal.seal(seal.number(seal.BLOCK, 0, n), self._packs[at : at + step])
                    for n, at in enumerate(range(0, len(self._packs), step))
                ),
            )
        )

    def part(self, part: int, counts: Sequence[int], records: bytes) -> bytes:
        """Table and buckets of a part; ``counts`` are records of its buckets, in order."""
        if max(counts) > _MOST_IN_BUCKET:
            raise Invalid("The index cannot hold so many copies of one chunk.")
        seal = self._seal
        table = struct.pack(f"<{len(counts)}H", *counts)
        return b"".join(
            (
                seal.seal(seal.number(seal.TABLE, part, 0), table),
                *(
                    seal.seal(seal.number(seal.BUCKET, part, n), records[at:end])
                    for n, (at, end) in enumerate(_ranges(counts))
                ),
            )
        )


def _ranges(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    at = 0
    for count in counts:
        yield at, at + count * RECORD_BYTES
        at += count * RECORD_BYTES


def encode_small(
    packs: bytes, gone: bytes, rows: list[bytes], maintenance_key: bytes, repository_id: bytes
) -> tuple[str, bytes]:
    """Name and bytes of a segment of one part; ``rows`` are sorted in place."""
    rows.sort()
    bits = bucket_bits(len(rows))
    counts = [0] * (1 << bits)
    for row in rows:
        counts[int.from_bytes(row[:4], "big") >> (32 - bits)] += 1
    writer = SegmentWriter(maintenance_key, repository_id, 0, packs, gone)
    body = writer.head([len(rows)]) + writer.part(0, counts, b"".join(rows))
    return writer.name, body
