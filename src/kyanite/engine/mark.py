"""Marking: which packs do points need? Reads pages only, with the maintenance key.

Pages shared by points are visited once. A page or chunk that is found nowhere stops the
mark: cleaning with a hole in its knowledge would delete what is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kyanite.base.errors import Missing
from kyanite.engine.control import Control
from kyanite.engine.format import NO_ID
from kyanite.engine.index import Index
from kyanite.engine.pack import PackRef
from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import decode_inner
from kyanite.engine.point import Point
from kyanite.engine.threads import parallel_map


class Mark:
    """Grows with every point that is marked; ``packs`` are in use."""

    def __init__(
        self,
        index: Index,
        reader: PageReader,
        is_there: Callable[[PackRef], bool],
        control: Control,
    ) -> None:
        self.packs: set[PackRef] = set()
        self._index = index
        self._reader = reader
        self._is_there = is_there
        self._control = control
        self._seen_pages: set[bytes] = set()
        self._seen_chunks: set[bytes] = set()

    def add(self, points: Iterable[Point]) -> None:
        """Mark everything that ``points`` need. Raises ``Missing``, ``Damaged``."""
        inner: dict[bytes, int] = {}
        leaves: dict[bytes, int] = {}
        for point in points:
            for disk in point.disks:
                for page_id in disk.inner:
                    if page_id != NO_ID and page_id not in self._seen_pages:
                        inner[page_id] = disk.inner_fanout
        self._see_pages(inner)
        for page in parallel_map(self._read, inner):
            for leaf in decode_inner(page, 4096):
                if leaf != NO_ID and leaf not in self._seen_pages:
                    leaves[leaf] = 1
        self._see_pages(leaves)
        wanted = list(leaves)
        for at in range(0, len(wanted), 64):  # pages of 64 GiB at once: bounded memory
            self._control.check()
            for page in parallel_map(self._read, wanted[at : at + 64]):
                for chunk_id in _chunk_ids(page):
                    if chunk_id not in self._seen_chunks:
                        self._seen_chunks.add(chunk_id)
                        self._keep(chunk_id, "chunk")

    def _read(self, page_id: bytes) -> bytes:
        return self._reader.read(page_id)

    def _see_pages(self, pages: Iterable[bytes]) -> None:
        for page_id in pages:
            self._seen_pages.add(page_id)
            self._keep(page_id, "page")

    def _keep(self, entry_id: bytes, what: str) -> None:
        """Every copy counts as used: a reader may be about to take any of them."""
        packs = {
            location.pack
            for location in self._index.find_all(entry_id)
            if location.pack in self.packs or self._is_there(location.pack)
        }
        if not packs:
            raise Missing(
                f"The {what} {entry_id.hex()[:16]} of a restore point is in no pack that is there. "
                "Nothing was cleaned; run verify, and delete the points it names."
            )
        self.packs |= packs


def _chunk_ids(page: bytes) -> Iterable[bytes]:
    count = int.from_bytes(page[:4], "little")
    ids = page[4 + 4 * count :]
    return (ids[at : at + 32] for at in range(0, len(ids), 32))
