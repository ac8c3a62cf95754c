"""Reads pages: through the index, opened with the maintenance key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged, EngineError, Missing, ObjectMissing
from kyanite.engine.format import NO_ID, EntryType, ensure
from kyanite.engine.index_location import Location
from kyanite.engine.keys import page_id_key, structure_key
from kyanite.engine.pack import PackNumber, open_entry
from kyanite.engine.pages import NO_PAGE, Entry, PageRef, decode_inner, decode_leaf
from kyanite.engine.point import PointDisk
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map, read_ahead

LostRange: TypeAlias = Callable[[int, int, EngineError], None]
"""Told offset, length and reason of a range of a disk whose list cannot be read."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a disk that one leaf page lists."""

    number: int
    offset: int
    length: int
    leaf: PageRef


class PageReader:
    """Reads pages found by ``find_all``; with an id key, checks that bytes fit their name.

    ``find_again`` is asked for the places of a page that none of ``find_all`` has served.
    """

    def __init__(
        self,
        storage: Storage,
        find_all: Callable[[bytes], Iterable[Location]],
        maintenance_key: bytes,
        repository_id: bytes,
        id_key: bytes | None = None,
        find_again: Callable[[bytes], Iterable[Location]] | None = None,
    ) -> None:
        self._storage = storage
        self._find_all = find_all
        self._find_again = find_again
        self._maintenance_key = maintenance_key
        self._repository_id = repository_id
        self._page_id_key = None if id_key is None else page_id_key(id_key)

    def leaves(self, disk: PointDisk, lost: LostRange | None = None) -> list[PageRef]:
        """The leaf pages of a disk, one for each span; ``NO_PAGE`` where all is zero.

        ``lost`` is told what cannot be listed, which reads as zeros then; without it the
        first such page raises its error.
        """
        covered = disk.page_span_bytes * disk.inner_fanout

        def read(numbered: tuple[int, PageRef]) -> list[PageRef]:
            number, inner = numbered
            try:
                return self._inner(inner, disk.inner_fanout)
            except EngineError as error:
                if lost is None:
                    raise
                offset = number * covered
                lost(offset, min(covered, disk.size_bytes - offset), error)
                return [NO_PAGE] * disk.inner_fanout

        pages = parallel_map(read, enumerate(disk.inner))
        return [leaf for page in pages for leaf in page][: disk.span_count]

    def leaf(self, leaf: PageRef, span_bytes: int) -> list[Entry]:
        """What stands in a span of a disk."""
        if leaf.page_id == NO_ID:
            return [Entry(span_bytes, None)]
        return decode_leaf(self.read(leaf), span_bytes)

    def spans(
        self,
        disk: PointDisk,
        within: tuple[int, int] | None = None,
        lost: LostRange | None = None,
    ) -> Iterator[tuple[Span, list[Entry]]]:
        """Every span of a disk that is not all zero, in order, read ahead.

        ``within``: only those that meet the range from the first to before the second
        offset. ``lost``: as of ``leaves``.
        """
        start, end = within or (0, disk.size_bytes)

        def read(span: Span) -> tuple[Span, list[Entry]]:
            try:
                return span, self.leaf(span.leaf, span.length)
            except EngineError as error:
                if lost is None:
                    raise
                lost(span.offset, span.length, error)
                return span, [Entry(span.length, None)]

        spans = (
            Span(number, disk.span_offset(number), disk.span_length(number), leaf)
            for number, leaf in enumerate(self.leaves(disk, lost))
            if leaf.page_id != NO_ID
        )
        return read_ahead(
            read, (one for one in spans if one.offset < end and one.offset + one.length > start)
        )

    def read(self, page: PageRef) -> bytes:
        """The bytes of a page, from the pack that was named or any other that has it.

        Raises ``Missing`` or ``Damaged``.
        """
        failure: EngineError | None = None
        tried: set[Location] = set()
        for find in (self._find_all, self._find_again):
            for location in named_first(find(page.page_id) if find else (), page.pack):
                if location in tried:
                    continue
                tried.add(location)
                try:
                    return self._read_at(page.page_id, location)
                except ObjectMissing:
                    continue  # another copy may be in a pack that is still there
                except Damaged as error:
                    failure = failure or error
        raise failure or Missing(
            f"The page {page.page_id.hex()[:16]} is in no pack that can be read; if the index is "
            "lost or damaged, make it anew with rebuild-index."
        )

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
    copies = list(found)
    if len(copies) > 1:
        copies.sort(key=lambda location: location.pack.number != pack)
    return copies
