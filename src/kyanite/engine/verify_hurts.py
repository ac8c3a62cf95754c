"""Which places of which points cannot be restored, given what is wrong with packs."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field

from kyanite.engine.control import Control
from kyanite.engine.copies import Copies
from kyanite.engine.format import EntryType
from kyanite.engine.keys import MaintenanceKeys, RepositoryKeys
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.pack_set import PackSet
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point
from kyanite.engine.point_walk import Place, walk
from kyanite.engine.storage.base import Storage
from kyanite.engine.verify_report import Hurt


@dataclass(slots=True)
class BadEntries:
    """What is wrong.

    there    packs of the listing
    lost     packs of which nothing can be told
    entries  single ones, by pack and id
    excised  packs whose chunks count as missing
    """

    there: Container[PackRef] = field(default_factory=set)
    lost: set[PackRef] = field(default_factory=set)
    entries: set[tuple[PackRef, bytes]] = field(default_factory=set)
    excised: PackSet = field(default_factory=PackSet)

    def spoils(self, pack: PackRef, entry_id: bytes, is_chunk: bool) -> bool:
        """Whether an entry cannot be had from a pack."""
        return (
            pack not in self.there
            or pack in self.lost
            or (pack, entry_id) in self.entries
            or (is_chunk and pack in self.excised)
        )

    def numbers(self) -> set[PackNumber]:
        """Packs with anything wrong in them."""
        bad = {pack.number for pack in self.lost}
        return bad | {pack.number for pack, _ in self.entries}


class HurtFinder:
    """Walks points; leaf pages that were found whole are not walked again."""

    def __init__(
        self,
        storage: Storage,
        keys: RepositoryKeys | MaintenanceKeys,
        copies: Copies,
        bad: BadEntries,
        control: Control,
    ) -> None:
        self._copies = copies
        self._bad = bad
        self._control = control
        self._reader = PageReader(
            storage,
            copies.find_all,
            keys.maintenance_key,
            keys.repository_id,
            keys.id_key if isinstance(keys, RepositoryKeys) else None,
        )
        self._whole: set[bytes] = set()

    def find(
        self, points: Iterable[Point], name_of: Callable[[Place], str]
    ) -> dict[str, list[Hurt]]:
        """By the object that is to blame; ``name_of`` says it for what is in no pack at all."""
        hurts: dict[str, list[Hurt]] = {}
        for point in points:
            self._control.check()
            for blamed, place in self._of(point, name_of):
                hurts.setdefault(blamed, []).append(
                    Hurt(point.session_id, point.label, place.disk_id, place.offset, place.length)
                )
        return hurts

    def _of(self, point: Point, name_of: Callable[[Place], str]) -> Iterator[tuple[str, Place]]:
        seen: set[bytes] = set()
        hurt_leaves: set[bytes] = set()
        for place in walk(point, self._reader, self._whole):
            blamed = self._blame(place, name_of)
            if place.leaf_id is not None:
                seen.add(place.leaf_id)
            if blamed:
                if place.leaf_id is not None:
                    hurt_leaves.add(place.leaf_id)
                yield blamed, place
        self._whole |= seen - hurt_leaves

    def _blame(self, place: Place, name_of: Callable[[Place], str]) -> str:
        """The object that is to blame if the entry cannot be read; empty if it can."""
        if place.leaf_id is None and not place.reason:
            return ""  # a page that was read just now
        blamed = ""
        for location in self._copies.find_all(place.entry_id):
            is_chunk = location.entry_type == EntryType.CHUNK
            if self._bad.spoils(location.pack, place.entry_id, is_chunk) or place.reason:
                blamed = blamed or location.pack.name
            else:
                return ""
        return blamed or name_of(place)
