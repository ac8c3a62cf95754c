"""Reads pages: through the index, opened with the maintenance key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged, Missing, ObjectMissing
from kyanite.engine.format import NO_ID, EntryType, ensure
from kyanite.engine.index_location import Location
from kyanite.engine.keys import page_id_key, structure_key
from kyanite.engine.pack import PackNumber, open_entry
from kyanite.engine.pages import NO_PAGE, Entry, PageRef, decode_inner, decode_leaf
from kyanite.engine.point import PointDisk
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map, read_ahead


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a disk that one leaf page lists."""

    number: int
    offset: int
    length: int
    leaf: PageRef


class PageReader:
    """Reads pages found by ``find_all``; with an id key, checks that bytes fit their name."""

    def __init__(
        self,
        storage: Storage,
        find_all: Callable[[bytes], Iterable[Location]],
        maintenance_key: bytes,
        repository_id: bytes,
        id_key: bytes | None = None,
    ) -> None:
        self._storage = storage
        self._find_all = find_all
        self._maintenance_key = maintenance_key
        self._repository_id = repository_id
        self._page_id_key = None if id_key is None else page_id_key(id_key)

    def leaves(self, disk: PointDisk) -> list[PageRef]:
        """The leaf pages of a disk, one for each span; ``NO_PAGE`` where all is zero."""
        pages = parallel_map(lambda inner: self._inner(inner, disk.inner_fanout), disk.inner)
        return [leaf for page in pages for leaf in page][: disk.span_count]

    def leaf(self, leaf: PageRef, span_bytes: int) -> list[Entry]:
        """What stands in a span of a disk."""
        if leaf.page_id == NO_ID:
            return [Entry(span_bytes, None)]
        return decode_leaf(self.read(leaf), span_bytes)

    def spans(self, disk: PointDisk) -> Iterator[tuple[Span, list[Entry]]]:
        """Every span of a disk that is not all zero, in order, read ahead."""
        leaves = enumerate(self.leaves(disk))
        spans = (
            Span(number, disk.span_offset(number), disk.span_length(number), leaf)
            for number, leaf in leaves
            if leaf.page_id != NO_ID
        )
        return read_ahead(lambda span: (span, self.leaf(span.leaf, span.length)), spans)

    def read(self, page: PageRef) -> bytes:
        """The bytes of a page, from the pack that was named or any other that has it.

        Raises ``Missing`` or ``Damaged``.
        """
        page_id = page.page_id
        for location in named_first(self._find_all(page_id), page.pack):
            try:
                return self._read_at(page_id, location)
            except ObjectMissing:
                continue  # another copy may be in a pack that is still there
        raise Missing(f"The page {page_id.hex()[:16]} is in no pack that the index knows.")

    def _read_at(self, page_id: bytes, location: Location) -> bytes:
        pack = location.pack
        ensure(
            location.entry_type == EntryType.PAGE,
            f"{pack.name}: the entry at {location.offset} should be a page and is none.",
        )
        stored = self._storage.get_range(pack.name, location.offset, location.stored_length)
        cipher = AESGCM(structure_key(self._maintenance_key, pack.pack_id))
        page = bytes(open_entry(cipher, self._repository_id, pack, page_id, location, stored))
        if self._page_id_key is not None:
            found = blake3(page, key=self._page_id_key).digest()
            if found != page_id:
                raise Damaged(f"{pack.name}: page {page_id.hex()[:16]} holds other bytes.")
        return page

    def _inner(self, inner: PageRef, fanout: int) -> list[PageRef]:
        if inner.page_id == NO_ID:
            return [NO_PAGE] * fanout
        return decode_inner(self.read(inner), fanout)


def named_first(found: Iterable[Location], pack: PackNumber | None) -> list[Location]:
    """Copies in the pack that a point names come first: that one stays as long as the point."""
    return sorted(found, key=lambda location: location.pack.number != pack)
