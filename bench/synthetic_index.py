"""An index of hundreds of millions of chunks that nobody had to store.

A storage whose segments are made when they are read: the bytes of every piece follow from
its number, so the reader's own code reads, opens and searches what a real repository of
that size would hold.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from blake3 import blake3

from kyanite.base.errors import ObjectMissing
from kyanite.engine.format import INDEX_PREFIX, TAG_BYTES
from kyanite.engine.index_layout import (
    BLOCK_PACKS,
    HEADER,
    PACK_ROW,
    PREFIX_BYTES,
    RECORD_BYTES,
    IndexSizes,
    SegmentSeal,
    bucket_bits,
    make_header,
    part_bytes,
    place_of,
    read_header,
)
from kyanite.engine.storage.base import Data, ObjectInfo

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PLACES = np.frombuffer(
    b"".join(
        place_of(64 + n * 200_000, 150_000 + n, 1, 1).to_bytes(7, "little") for n in range(256)
    ),
    np.uint8,
).reshape(-1, 7)


@dataclass(frozen=True, slots=True)
class _Part:
    records: int
    bits: int
    counts: np.ndarray[tuple[int], np.dtype[np.uint16]]
    offsets: list[int] | None = None


class SyntheticSegment:
    """One segment of about so many records in so many packs."""

    def __init__(
        self, number: int, records: int, packs: int, maintenance_key: bytes, repository_id: bytes
    ) -> None:
        self.name = f"{INDEX_PREFIX}{number:032x}"
        self.packs = packs
        self._seed = number.to_bytes(4, "little")
        part_bits = IndexSizes().part_bits(records)
        header = make_header(repository_id, number.to_bytes(16, "big"), part_bits, packs, 0)
        self.shape = read_header(self.name, header, repository_id)
        self._seal = SegmentSeal(self.name, header, maintenance_key)
        each = records >> part_bits
        self._parts = [self._make_part(part, each) for part in range(1 << part_bits)]
        self.records = sum(part.records for part in self._parts)

    def _make_part(self, part: int, records: int) -> _Part:
        draw = np.random.default_rng([part, int.from_bytes(self._seed, "little")])
        bits = bucket_bits(records)
        counts = draw.poisson(records / (1 << bits), 1 << bits).astype(np.uint16)
        total = int(counts.sum())
        while bucket_bits(total) != bits:  # a draw at the border
            counts = np.maximum(counts, 1) - np.uint16(1)
            total = int(counts.sum())
        return _Part(total, bits, counts)

    def sizes(self) -> dict[str, int]:
        """Every object and its size."""
        if self.shape.part_bits == 0:
            return {self.name: self.shape.blocks_end + part_bytes(self._parts[0].records)}
        sizes = {self.name: self.shape.blocks_end}
        for number, part in enumerate(self._parts):
            sizes[self.shape.part_name(number)] = HEADER.size + part_bytes(part.records)
        return sizes

    def id_at(self, draw: np.random.Generator) -> bytes:
        """An id that the segment holds."""
        while True:
            number = int(draw.integers(len(self._parts)))
            bucket = int(draw.integers(1 << self._parts[number].bits))
            count = int(self._parts[number].counts[bucket])
            if count:
                at = int(draw.integers(count)) * RECORD_BYTES
                return self._bucket(number, bucket)[at : at + PREFIX_BYTES] + bytes(16)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """A range of one of its objects."""
        number = 0 if name == self.name else int(name.rpartition(".")[2], 16)
        pieces: list[bytes] = []
        at = start = 0
        for at, size, make in self._pieces(name, number, offset, offset + length):
            if not pieces:
                start = at
            pieces.append(make if isinstance(make, bytes) else self._made(make, size))
        data = b"".join(pieces)
        return data[offset - start : offset - start + length]

    def _made(self, piece: tuple[int, int, int], size: int) -> bytes:
        area, part, item = piece
        if area == SegmentSeal.DIRECTORY:
            counts = np.array([one.records for one in self._parts], "<u4")
            plain = counts.tobytes()
        elif area == SegmentSeal.BLOCK:
            plain = self._block(item)
        elif area == SegmentSeal.TABLE:
            plain = self._parts[part].counts.astype("<u2").tobytes()
        else:
            plain = self._bucket(part, item)
        sealed = self._seal.seal(self._seal.number(area, part, item), plain)
        assert len(sealed) == size, (piece, len(sealed), size)
        return sealed

    def _pieces(
        self, name: str, number: int, begin: int, end: int
    ) -> Iterator[tuple[int, int, bytes | tuple[int, int, int]]]:
        """Offset, size and content of the pieces that reach into a range, in order."""
        if begin < HEADER.size:
            yield 0, HEADER.size, self.shape.header
        if name == self.name:
            size = self.shape.directory_bytes
            if begin < HEADER.size + size and end > HEADER.size:
                yield HEADER.size, size, (SegmentSeal.DIRECTORY, 0, 0)
            full = BLOCK_PACKS * PACK_ROW.size + TAG_BYTES
            first = max(0, (begin - HEADER.size - size) // full)
            for block in range(first, self.shape.blocks):
                at, size = self.shape.block_range(block)
                if at >= end:
                    return
                yield at, size, (SegmentSeal.BLOCK, 0, block)
            if self.shape.part_bits:
                return
        part = self._parts[number]
        start = self.shape.part_start()
        table_bytes = 2 * (1 << part.bits) + TAG_BYTES
        if begin < start + table_bytes and end > start:
            yield start, table_bytes, (SegmentSeal.TABLE, number, 0)
        offsets = self._offsets(number)
        low = max(0, bisect_right(offsets, begin) - 1)
        for bucket in range(low, 1 << part.bits):
            at = offsets[bucket]
            if at >= end:
                return
            size = offsets[bucket + 1] - at
            if at + size > begin:
                yield at, size, (SegmentSeal.BUCKET, number, bucket)

    def _offsets(self, number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        part = self._parts[number]
        sums = np.zeros((1 << part.bits) + 1, np.int64)
        np.cumsum(part.counts, out=sums[1:])
        first = self.shape.part_start() + 2 * (1 << part.bits) + TAG_BYTES
        return first + sums * RECORD_BYTES + np.arange(len(sums)) * TAG_BYTES

    def _bucket(self, number: int, bucket: int) -> bytes:
        part = self._parts[number]
        count = int(part.counts[bucket])
        if not count:
            return b""
        seed = self._seed + number.to_bytes(4, "little") + bucket.to_bytes(4, "little")
        noise = np.frombuffer(blake3(seed).digest(count * RECORD_BYTES), np.uint8)
        rows = noise.reshape(-1, RECORD_BYTES).copy()
        bits = self.shape.part_bits + part.bits
        leading = (number << part.bits | bucket) << (32 - bits)
        heads = rows[:, :4].copy().view(">u4").ravel() & np.uint32((1 << (32 - bits)) - 1)
        rows[:, :4] = (heads | np.uint32(leading)).astype(">u4").view(np.uint8).reshape(-1, 4)
        packs = rows[:, 16:20].copy().view("<u4").ravel() % np.uint32(self.packs)
        rows[:, 16:20] = packs.astype("<u4").view(np.uint8).reshape(-1, 4)
        rows[:, 20:] = _PLACES[rows[:, 20]]
        return rows.tobytes()

    def _block(self, block: int) -> bytes:
        rows = min(BLOCK_PACKS, self.packs - block * BLOCK_PACKS)
        noise = blake3(self._seed + b"packs" + block.to_bytes(4, "little")).digest(rows * 32)
        return b"".join(
            PACK_ROW.pack(noise[at : at + 16], noise[at + 16 : at + 32], 32 << 20, 0)
            for at in range(0, len(noise), 32)
        )


class SyntheticIndex:
    """A storage that holds nothing but the index."""

    def __init__(self, segments: Sequence[SyntheticSegment]) -> None:
        self.segments = segments
        self._sizes = {name: size for one in segments for name, size in one.sizes().items()}
        self._owners = {name: one for one in segments for name in one.sizes()}

    @property
    def total_bytes(self) -> int:
        return sum(self._sizes.values())

    def get(self, name: str) -> bytes:
        return self.get_range(name, 0, self.size(name))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        size = self.size(name)
        return self._owners[name].read(name, offset, min(length, size - offset))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return (
            ObjectInfo(name, size, _NOW)
            for name, size in sorted(self._sizes.items())
            if name.startswith(prefix)
        )

    def size(self, name: str) -> int:
        if name not in self._sizes:
            raise ObjectMissing(f"There is no {name}.")
        return self._sizes[name]

    def put(self, name: str, data: Data) -> None:
        raise NotImplementedError

    def delete(self, name: str) -> None:
        raise NotImplementedError
