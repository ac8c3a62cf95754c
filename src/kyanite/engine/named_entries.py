"""Everything that points name, page by page; pages that were seen before are not read again."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.engine.format import NO_ID
from kyanite.engine.pack import PackNumber
from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import PageRef, decode_inner
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.threads import read_ahead

Named = tuple[bytes, PackNumber]


class NamedEntries:
    """Walks points with one memory of what was seen."""

    def __init__(self, reader: PageReader) -> None:
        self._reader = reader
        self._seen: set[bytes] = set()

    def new_in(self, point: Point) -> Iterator[Named]:
        """Pages and chunks with their packs, without the insides of pages seen before."""
        for disk in point.disks:
            for number, inner in enumerate(disk.inner):
                if inner.pack is None:
                    continue
                yield inner.page_id, inner.pack
                if inner.page_id not in self._seen:
                    yield from self._inside(disk, number, inner)
                    self._seen.add(inner.page_id)

    def _inside(self, disk: PointDisk, number: int, inner: PageRef) -> Iterator[Named]:
        leaves = decode_inner(self._reader.read(inner), disk.inner_fanout)
        first = number * disk.inner_fanout
        new: list[tuple[int, PageRef]] = []
        for at, leaf in enumerate(leaves):
            if leaf.page_id == NO_ID or leaf.pack is None:
                continue
            yield leaf.page_id, leaf.pack
            if leaf.page_id not in self._seen:
                self._seen.add(leaf.page_id)
                new.append((first + at, leaf))
        pages = read_ahead(lambda one: self._reader.leaf(one[1], disk.span_length(one[0])), new)
        for entries in pages:
            for entry in entries:
                if entry.chunk_id is not None and entry.pack is not None:
                    yield entry.chunk_id, entry.pack
