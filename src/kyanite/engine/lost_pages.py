"""Makes lost list pages anew, byte for byte, from other points that have the same contents.

A page is named by the keyed hash of its bytes. It lists chunks and the packs they are in; both
follow from elsewhere. The chunks stand in the list of another point of the machine, or are cut
anew from what a second repository has at the same place. The packs are among those that the
point itself says it needs. What comes out counts if its name is the one that was lost, so a wrong
guess costs time, never truth (docs/format/order.md, "Repair").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Final, TypeAlias

from blake3 import blake3

from kyanite.base.errors import EngineError, ObjectMissing, StorageUnavailable
from kyanite.engine.copies import Copies
from kyanite.engine.cutting import Cutter, Ending, cut
from kyanite.engine.format import NO_ID
from kyanite.engine.keys import RepositoryKeys, page_id_key
from kyanite.engine.moved_packs import sources
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import (
    NO_PAGE,
    Entry,
    PageRef,
    decode_inner,
    encode_inner,
    encode_leaf,
    tidy,
)
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.point_walk import Place, walk
from kyanite.engine.second_source import SecondSource
from kyanite.engine.storage.base import Storage

Shape: TypeAlias = tuple[tuple[int, bytes | None], ...]
"""A span as its chunks: length and id; no id: zeros."""
Shapes: TypeAlias = Callable[[int], Shape | None]
"""The shape of a span by its number, as some other point has it."""

_MOST_POINTS: Final = 16
"""Other points that are tried for a page, the nearest in time first."""
_MOST_GUESSES: Final = 256
"""Ways to share chunks among packs that are tried for a page."""
_PIECE_BYTES: Final = 8 << 20


class LostPages(PageReader):
    """Reads pages as ``PageReader`` does, and those that ``rebuild`` has made anew."""

    def __init__(self, storage: Storage, copies: Copies, keys: RepositoryKeys) -> None:
        super().__init__(
            storage,
            copies.find_all,
            keys.maintenance_key,
            keys.repository_id,
            keys.id_key,
            copies.find_again,
        )
        self.found: dict[bytes, bytes] = {}

    def read(self, page: PageRef) -> bytes:
        """See ``PageReader.read``."""
        known = self.found.get(page.page_id)
        return super().read(page) if known is None else known


class PageRebuilder:
    """Looks for the bytes of pages of ``points`` that no pack has any more."""

    def __init__(
        self,
        pages: LostPages,
        keys: RepositoryKeys,
        copies: Copies,
        points: Sequence[Point],
        moved: Mapping[PackNumber, Sequence[PackNumber]],
        unusable: PackSet,
        cutter: Cutter,
        second: SecondSource | None,
    ) -> None:
        """``unusable``: packs noted as damaged; what the index does not know may be theirs."""
        self._pages = pages
        self._id_key = keys.id_key
        self._page_id_key = page_id_key(keys.id_key)
        self._copies = copies
        self._points = points
        self._came_through: dict[PackNumber, set[PackNumber]] = {}
        for old, finals in _finals(moved):
            self._came_through.setdefault(finals, set()).add(old)
        self._unusable = unusable
        self._named: dict[bytes, PackNumber] = {}  # of chunks, as other points name them
        self._cutter = cutter
        self._second = second

    def rebuild(self, point: Point) -> None:
        """Make anew what can be of the pages of a point; they are in ``LostPages.found`` then."""
        tried: set[bytes] = set()
        while True:  # below an inner page that was found there may be leaf pages to find
            lost = [
                place
                for place in walk(point, self._pages, set())
                if place.reason and place.entry_id not in tried
            ]
            if not lost:
                return
            for place in lost:
                tried.add(place.entry_id)
                page = self._page(point, place)
                if page is not None:
                    self._pages.found[place.entry_id] = page

    def _page(self, point: Point, place: Place) -> bytes | None:
        disk = point.disk(place.disk_id)
        if disk is None:
            return None
        inner = any(one.page_id == place.entry_id for one in disk.inner)
        first = place.offset // disk.page_span_bytes
        own = list(self._own(point, disk))
        self._named.clear()
        for shapes in own:
            for number in range(first, min(first + disk.inner_fanout, disk.span_count)):
                shapes(number)
                if not inner:
                    break
        for shapes in (*own, *self._in_second(point, disk)):
            found = (
                self._inner_page(disk, first, shapes, place.entry_id)
                if inner
                else self._leaf_page(disk, shapes(first), place.entry_id)
            )
            if found is not None:
                return found
        return None

    # Other points

    def _own(self, point: Point, disk: PointDisk) -> Iterator[Shapes]:
        """What other points of the machine have in place of this disk, the nearest first."""
        own = [one for one in self._points if one.machine_id == point.machine_id]
        here = next((n for n, one in enumerate(own) if one.session_id == point.session_id), 0)
        near = sorted(range(len(own)), key=lambda n: abs(n - here))
        for number in islice((n for n in near if n != here), _MOST_POINTS):
            other = own[number].disk(disk.disk_id)
            if other is not None and other.page_span_bytes == disk.page_span_bytes:
                yield self._own_shapes(disk, other)

    def _in_second(self, point: Point, disk: PointDisk) -> Iterator[Shapes]:
        for theirs in islice(self._second.alike(point) if self._second else (), _MOST_POINTS):
            if theirs.disk(disk.disk_id) is not None:
                yield self._cut_shapes(disk, theirs)

    def _own_shapes(self, disk: PointDisk, other: PointDisk) -> Shapes:
        def shape(number: int) -> Shape | None:
            if number >= other.span_count or other.span_length(number) != disk.span_length(number):
                return None
            try:
                leaf = self._leaf_of(other, number)
                entries = self._pages.leaf(leaf, other.span_length(number))
            except StorageUnavailable:
                raise
            except (EngineError, ObjectMissing):
                return None
            for _, chunk_id, pack in entries:
                if chunk_id is not None and pack is not None and pack in disk.needs:
                    self._named[chunk_id] = pack
            return tuple((entry.length, entry.chunk_id) for entry in entries)

        return shape

    def _leaf_of(self, disk: PointDisk, number: int) -> PageRef:
        inner = disk.inner[number // disk.inner_fanout]
        if inner.page_id == NO_ID:
            return NO_PAGE
        leaves = decode_inner(self._pages.read(inner), disk.inner_fanout)
        return leaves[number % disk.inner_fanout]

    def _cut_shapes(self, disk: PointDisk, theirs: Point) -> Shapes:
        """Cut and named as a full backup would do it here."""
        second, cutter = self._second, self._cutter
        assert second is not None
        step = cutter.rule.block_bytes

        def read(offset: int, length: int) -> bytes | None:
            return second.read(theirs, disk.disk_id, offset, length)

        def shape(number: int) -> Shape | None:
            start, length = disk.span_offset(number), disk.span_length(number)
            piece_bytes = max(step, _PIECE_BYTES // step * step)
            marks: list[bytes] = []
            for at in range(0, length, piece_bytes):
                data = read(start + at, min(piece_bytes, length - at))
                if data is None:
                    return None
                marks.append(cutter.mark(memoryview(data)))
            entries: list[Entry] = []
            for part in cut(b"".join(marks), cutter.rule, Ending.HARD)[0]:
                at, end = part.start * step, min(part.end * step, length)
                chunk_id = None
                if not part.zero:
                    data = read(start + at, end - at)
                    if data is None:
                        return None
                    chunk_id = blake3(data, key=self._id_key).digest()
                entries.append(Entry(end - at, chunk_id))
            return tuple((entry.length, entry.chunk_id) for entry in tidy(entries))

        return shape

    # Pages of shapes

    def _leaf_page(self, disk: PointDisk, shape: Shape | None, page_id: bytes) -> bytes | None:
        return next(
            (page for page in self._guesses(disk, shape) if self._id_of(page) == page_id), None
        )

    def _inner_page(
        self, disk: PointDisk, first: int, shapes: Shapes, page_id: bytes
    ) -> bytes | None:
        """The inner page over the leaf pages that ``shapes`` come to, if it is the lost one."""
        leaves: list[PageRef] = []
        made: dict[bytes, bytes] = {}
        for number in range(first, min(first + disk.inner_fanout, disk.span_count)):
            shape = shapes(number)
            if shape is None:
                return None
            page = self._likely_leaf(disk, shape)
            if page is None:
                leaves.append(NO_PAGE)
                continue
            leaf_id = self._id_of(page)
            pack = next(iter(self._packs_of(disk, leaf_id)), None)
            if pack is None:
                return None
            leaves.append(PageRef(leaf_id, pack))
            made[leaf_id] = page
        found = encode_inner(leaves)
        if found is None or self._id_of(found) != page_id:
            return None
        for leaf_id, page in made.items():
            self._pages.found.setdefault(leaf_id, page)
        return found

    def _likely_leaf(self, disk: PointDisk, shape: Shape) -> bytes | None:
        """A page of that shape that the index knows in a pack of the disk; else the first."""
        first: bytes | None = None
        for page in self._guesses(disk, shape):
            first = first or page
            if any(
                number in disk.needs
                for location in self._copies.find_all(self._id_of(page))
                for number in self._names_of(location.pack.number)
            ):
                return page
        return first

    def _guesses(self, disk: PointDisk, shape: Shape | None) -> Iterator[bytes]:
        """Pages of a shape: chunks that may be in the same packs are taken to be in one."""
        if shape is None:
            return
        choices = {
            chunk_id: self._packs_of(disk, chunk_id)
            for _, chunk_id in shape
            if chunk_id is not None
        }
        groups = sorted(set(choices.values()))
        if any(not group for group in groups):
            return
        for packs in islice(product(*groups), _MOST_GUESSES):
            chosen = dict(zip(groups, packs, strict=True))
            page = encode_leaf(
                [
                    Entry(length, chunk_id, chosen[choices[chunk_id]] if chunk_id else None)
                    for length, chunk_id in shape
                ]
            )
            if page is not None:
                yield page

    def _packs_of(self, disk: PointDisk, entry_id: bytes) -> tuple[PackNumber, ...]:
        """The packs that a page of the disk may name for an entry, the likeliest first."""
        found: dict[PackNumber, None] = {}
        if entry_id in self._named:
            found[self._named[entry_id]] = None
        for location in self._copies.find_all(entry_id):
            for number in self._names_of(location.pack.number):
                if number in disk.needs:
                    found[number] = None
        # What the index has forgotten was in a pack that is gone.
        for number in disk.needs:
            if number in self._unusable:
                found[number] = None
        return tuple(found)

    def _names_of(self, pack: PackNumber) -> Iterable[PackNumber]:
        """What points call the place of something that is in ``pack`` now."""
        return (pack, *sorted(self._came_through.get(pack, ())))

    def _id_of(self, page: bytes) -> bytes:
        return blake3(page, key=self._page_id_key).digest()


def _finals(
    moved: Mapping[PackNumber, Sequence[PackNumber]],
) -> Iterator[tuple[PackNumber, PackNumber]]:
    """Old and new pack of every move, earlier moves followed."""
    through = sources(moved)
    for last, earlier in through.items():
        for new in moved[last]:
            for old in earlier:
                yield old, new
