"""Index segments as they are read: small ones whole, big ones by range, piece by piece.

Records stay bytes: a hundred million of them must not become objects. A look-up searches
one bucket with ``find``, which is C.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Final

from kyanite.base.errors import Damaged
from kyanite.engine.format import TAG_BYTES, ensure
from kyanite.engine.index_cache import CachedObject, IndexCache
from kyanite.engine.index_layout import (
    BLOCK_PACKS,
    GONE_ROW_BYTES,
    HEADER,
    PACK_ROW,
    SegmentSeal,
    Shape,
    bucket_bits,
    check_part_count,
    part_bytes,
)
from kyanite.engine.index_memory import PieceMemory
from kyanite.engine.index_part import NO_HITS, Hit, Part, little_endian, part_table, runs, search
from kyanite.engine.storage.base import Storage

_ROW_BYTES: Final = PACK_ROW.size


class Segment:
    """One segment. Thread-safe; what was read is kept within the bounds of ``memory``."""

    def __init__(
        self,
        storage: Storage,
        shape: Shape,
        seal: SegmentSeal,
        directory: bytes,
        memory: PieceMemory,
        cache: IndexCache | None,
    ) -> None:
        self.shape = shape
        self.name = shape.name
        parts = 1 << shape.part_bits
        self.part_records = little_endian(array("I", directory[: 4 * parts]))
        self.records = sum(self.part_records)
        for count in self.part_records:
            check_part_count(shape.name, count)
        self.gone = frozenset(
            directory[at : at + GONE_ROW_BYTES]
            for at in range(4 * parts, len(directory), GONE_ROW_BYTES)
        )
        self._storage = storage
        self._seal = seal
        self._memory = memory
        self._cache = cache
        self._part_shift = 64 - shape.part_bits
        self._parts: list[Part | None] = [None] * parts
        self._locks = [threading.Lock() for _ in range(parts)]
        self._packs = shape.packs
        self._first_block = HEADER.size + shape.directory_bytes
        self._pack_rows: bytes | None = None  # all of them, if the segment was read whole
        self._head: CachedObject | None = None
        if cache is not None:
            self._head = cache.open(self.name, self.head_bytes, seal.cache_key)
            self._checked_blocks = bytearray(shape.blocks)

    @property
    def is_whole(self) -> bool:
        """Whether it was read whole, so that look-ups read nothing."""
        return self._pack_rows is not None

    # Sizes

    @property
    def head_bytes(self) -> int:
        """Size of the head object."""
        inside = part_bytes(self.part_records[0]) if self.shape.part_bits == 0 else 0
        return self.shape.blocks_end + inside

    def object_sizes(self) -> dict[str, int]:
        """Name and size of every object that the segment consists of."""
        sizes = {self.name: self.head_bytes}
        if self.shape.part_bits:
            for part, count in enumerate(self.part_records):
                sizes[self.shape.part_name(part)] = HEADER.size + part_bytes(count)
        return sizes

    # Look-ups in what is here

    def local_hits(self, head: int, prefix: bytes) -> Sequence[Hit] | None:
        """Records of an id (its first 64 bits as a number); ``None``: something must be read."""
        # The innermost code of a backup: no call that can be done without.
        part = self._parts[head >> self._part_shift]
        if part is None:
            return None
        bucket = head >> part.shift & part.mask
        buffer = part.buffer
        if buffer is None:
            piece = self._memory.get((self.name, part.number, bucket))
            return None if piece is None else search(piece, 0, len(piece), prefix)
        if part.checked is not None and not part.checked[bucket] and not self._passes(part, bucket):
            return None
        starts = part.starts
        start, end = starts[bucket], starts[bucket + 1] - part.gap
        if buffer.find(prefix, start, end) < 0:
            return NO_HITS
        return search(buffer, start, end, prefix)

    def local_pack(self, number: int) -> bytes | None:
        """The row of a pack; ``None``: it must be read."""
        if number >= self._packs:
            raise Damaged(f"{self.name} names a pack that it does not list.")
        if self._pack_rows is not None:
            at = number * _ROW_BYTES
            return self._pack_rows[at : at + _ROW_BYTES]
        block = number // BLOCK_PACKS
        if self._head is not None:
            if not self._checked_blocks[block] and not self._block_passes(block):
                return None
            at = self._first_block + number * _ROW_BYTES + block * TAG_BYTES
            return self._head.view[at : at + _ROW_BYTES]
        at = number % BLOCK_PACKS * _ROW_BYTES
        piece = self._memory.get((self.name, -1, block))
        return None if piece is None else piece[at : at + _ROW_BYTES]

    def _passes(self, part: Part, bucket: int) -> bool:
        """Look once whether the cache has a bucket, and has the right one."""
        assert part.cached is not None
        assert part.checked is not None
        number = self._seal.number(self._seal.BUCKET, part.number, bucket)
        if part.cached.holds(number, part.starts[bucket], part.length(bucket)):
            part.checked[bucket] = 1
            return True
        return False

    def _block_passes(self, block: int) -> bool:
        assert self._head is not None
        offset, length = self.shape.block_range(block)
        number = self._seal.number(self._seal.BLOCK, 0, block)
        if self._head.holds(number, offset, length - TAG_BYTES):
            self._checked_blocks[block] = 1
            return True
        return False

    # Reading

    def table_tasks(self, heads: Collection[int]) -> list[Callable[[], object]]:
        """Reads the tables that ids need and that are not here."""
        parts = {head >> self._part_shift for head in heads}
        return [
            partial(self._load_part, part) for part in sorted(parts) if self._parts[part] is None
        ]

    def bucket_tasks(
        self, wanted: Collection[tuple[int, bytes]], found: dict[bytes, Sequence[Hit]]
    ) -> list[Callable[[], object]]:
        """Reads the buckets of ids (64 bits, prefix) into ``found``, once the tables are here.

        Ids that are not in the segment need not be in ``found``.
        """
        buckets: dict[tuple[int, int], list[bytes]] = {}
        for head, prefix in wanted:
            hits = self.local_hits(head, prefix)
            if hits is not None:
                if hits:
                    found[prefix] = hits
                continue
            number = head >> self._part_shift
            part = self._part(number)
            buckets.setdefault((number, head >> part.shift & part.mask), []).append(prefix)
        return [
            partial(self._search_run, number, run, buckets, found)
            for number, run in runs(buckets, self._part)
        ]

    def pack_tasks(
        self, numbers: Collection[int], rows: dict[int, bytes]
    ) -> list[Callable[[], object]]:
        """Reads the rows of packs into ``rows``; those that are here are put there at once."""
        blocks: dict[int, list[int]] = {}
        for number in numbers:
            row = self.local_pack(number)
            if row is None:
                blocks.setdefault(number // BLOCK_PACKS, []).append(number)
            else:
                rows[number] = row
        return [partial(self._read_rows, block, blocks[block], rows) for block in sorted(blocks)]

    def _read_rows(self, block: int, numbers: Sequence[int], rows: dict[int, bytes]) -> None:
        plain = self._load_block(block)
        for number in numbers:
            at = number % BLOCK_PACKS * PACK_ROW.size
            rows[number] = plain[at : at + PACK_ROW.size]

    def all_pack_rows(self) -> bytes:
        """The rows of all packs, in one read."""
        if self._pack_rows is not None:
            return self._pack_rows
        if not self.shape.packs:
            return b""
        start, _ = self.shape.block_range(0)
        data = self._read(self.name, start, self.shape.blocks_end - start)
        return self.open_blocks(memoryview(data))

    def open_blocks(self, sealed: memoryview) -> bytes:
        """The pack rows in the sealed blocks, which follow each other."""
        first, _ = self.shape.block_range(0)
        rows: list[bytes] = []
        for block in range(self.shape.blocks):
            at, length = self.shape.block_range(block)
            number = self._seal.number(self._seal.BLOCK, 0, block)
            rows.append(self._seal.open(number, sealed[at - first : at - first + length]))
        return b"".join(rows)

    def records_between(self, low: int, high: int) -> bytes:
        """All records of buckets that reach into ids from ``low`` to ``high`` (64 bits, excluded).

        Whole buckets: the caller drops what is outside.
        """
        result: list[bytes] = []
        for number in range(low >> self._part_shift, ((high - 1) >> self._part_shift) + 1):
            if not self.part_records[number]:
                continue
            part = self._part(number)
            floor = number << self._part_shift
            first = max(low - floor, 0) >> part.shift
            last = min(high - 1 - floor, (1 << self._part_shift) - 1) >> part.shift
            if part.buffer is not None and part.cached is None:
                result.append(part.buffer[part.starts[first] : part.starts[last + 1]])
            else:
                result.extend(plain for _, plain in self._read_run(part, first, last))
        return b"".join(result)

    def check(self) -> None:
        """Read everything again, past all caches. Raises ``Damaged``, ``ObjectMissing``."""
        if self.is_whole:
            return  # it was opened whole
        self.all_pack_rows()
        for number in range(len(self.part_records)):
            part = self._read_part(number)
            for _ in self._read_run(part, 0, part.mask):
                pass

    def take_whole(self, data: bytes) -> None:
        """Open everything of a segment of one part from the bytes of its object."""
        view = memoryview(data)
        first = HEADER.size + self.shape.directory_bytes
        self._pack_rows = self.open_blocks(view[first : self.shape.blocks_end])
        start = self.shape.part_start()
        part = self._open_part(0, view[start : start + self._table_bytes(0)])
        buckets = view[part.starts[0] : part.starts[-1]]
        part.take(b"".join(plain for _, plain in self._open_run(part, 0, part.mask, buckets)))
        self._parts[0] = part

    def _part(self, number: int) -> Part:
        return self._parts[number] or self._load_part(number)

    def _table_bytes(self, number: int) -> int:
        return 2 * (1 << bucket_bits(self.part_records[number])) + TAG_BYTES

    def _load_part(self, number: int) -> Part:
        with self._locks[number]:  # several threads need it, one reads it
            return self._parts[number] or self._load_part_once(number)

    def _load_part_once(self, number: int) -> Part:
        cached = self._cached_part(number)
        start = self.shape.part_start()
        plain_bytes = self._table_bytes(number) - TAG_BYTES
        piece = self._seal.number(self._seal.TABLE, number, 0)
        if cached is not None and cached.holds(piece, start, plain_bytes):
            part = self._make_part(number, cached.view[start : start + plain_bytes])
        else:
            part = self._read_part(number)
            if cached is not None:
                cached.keep(piece, start, part_table(part))
        if cached is not None:
            part.map(cached)
        self._parts[number] = part
        return part

    def _read_part(self, number: int) -> Part:
        """The table of a part, from the storage."""
        name = self.shape.part_name(number)
        header_bytes = HEADER.size if self.shape.part_bits else 0  # each part has a copy
        start = self.shape.part_start() - header_bytes
        data = self._read(name, start, header_bytes + self._table_bytes(number))
        ensure(
            data[:header_bytes] == self.shape.header[:header_bytes],
            f"{name} is damaged: it belongs to another segment.",
        )
        return self._open_part(number, data[header_bytes:])

    def _cached_part(self, number: int) -> CachedObject | None:
        if self._cache is None or self.shape.part_bits == 0:
            return self._head
        size = HEADER.size + part_bytes(self.part_records[number])
        return self._cache.open(self.shape.part_name(number), size, self._seal.cache_key)

    def _open_part(self, number: int, sealed: bytes | memoryview) -> Part:
        piece = self._seal.number(self._seal.TABLE, number, 0)
        return self._make_part(number, self._seal.open(piece, sealed))

    def _make_part(self, number: int, table: bytes) -> Part:
        counts = little_endian(array("H", table))
        bits = bucket_bits(self.part_records[number])
        ensure(
            len(counts) == 1 << bits and sum(counts) == self.part_records[number],
            f"{self.shape.part_name(number)} is damaged: its buckets do not add up.",
        )
        return Part(number, self.shape.part_start(), bits, self.shape.part_bits, counts)

    def _search_run(
        self,
        number: int,
        run: Sequence[int],
        buckets: dict[tuple[int, int], list[bytes]],
        found: dict[bytes, Sequence[Hit]],
    ) -> None:
        part = self._part(number)
        wanted = set(run)
        for bucket, plain in self._read_run(part, run[0], run[-1]):
            if part.cached is not None:
                piece = self._seal.number(self._seal.BUCKET, number, bucket)
                part.cached.keep(piece, part.starts[bucket], plain)
            elif bucket in wanted:
                self._memory.keep((self.name, number, bucket), plain)
            for prefix in buckets.get((number, bucket), ()):
                found[prefix] = search(plain, 0, len(plain), prefix)

    def _read_run(self, part: Part, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        start, end = part.starts[first], part.starts[last + 1]
        data = self._read(self.shape.part_name(part.number), start, end - start)
        return self._open_run(part, first, last, memoryview(data))

    def _open_run(
        self, part: Part, first: int, last: int, sealed: memoryview
    ) -> Iterator[tuple[int, bytes]]:
        start = part.starts[first]
        for bucket in range(first, last + 1):
            at, end = part.starts[bucket] - start, part.starts[bucket + 1] - start
            number = self._seal.number(self._seal.BUCKET, part.number, bucket)
            yield bucket, self._seal.open(number, sealed[at:end])

    def _load_block(self, block: int) -> bytes:
        offset, length = self.shape.block_range(block)
        number = self._seal.number(self._seal.BLOCK, 0, block)
        plain = self._seal.open(number, self._read(self.name, offset, length))
        if self._head is not None:
            self._head.keep(number, offset, plain)
        else:
            self._memory.keep((self.name, -1, block), plain)
        return plain

    def _read(self, name: str, offset: int, length: int) -> bytes:
        data = self._storage.get_range(name, offset, length)
        ensure(len(data) == length, f"{name} is cut short.")
        return data
