"""What of a pack do points still need? Found by reading the pages that name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kyanite.base.errors import ObjectMissing
from kyanite.engine.catalog import read_closed
from kyanite.engine.index import load_index
from kyanite.engine.knowledge import Knowledge
from kyanite.engine.moved_packs import sources
from kyanite.engine.named_entries import NamedEntries
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point


def points_needing(knowledge: Knowledge, packs: PackSet) -> tuple[set[str], PackSet]:
    """The points that name one of ``packs`` or a pack that was moved to it, and all of those."""
    came_from = sources(knowledge.moved())
    predecessors: dict[PackNumber, PackSet] = {}
    for old, new in knowledge.moved().items():
        for one in new:
            if one in packs:
                predecessors.setdefault(one, PackSet()).update(came_from[old])
    named = PackSet(packs)
    for older in predecessors.values():
        named.update(older)
    naming = knowledge.naming(named)
    return set().union(*naming.values()), named


class LiveEntries:
    """Ids of chunks and pages that points say are in certain packs."""

    def __init__(self, knowledge: Knowledge, named: PackSet) -> None:
        keys = (knowledge.maintenance_key, knowledge.repository_id)
        index = load_index(knowledge.storage, *keys)
        self._knowledge = knowledge
        self._named = named
        self._entries = NamedEntries(PageReader(knowledge.storage, index.find_all, *keys))
        self.ids: set[bytes] = set()

    def add(self, session_ids: Iterable[str]) -> set[str]:
        """Walk points; returns those that were walked. One that is deleted meanwhile is not.

        Raises ``Missing`` or ``Damaged`` if a page cannot be read.
        """
        walked: set[str] = set()
        keys = (self._knowledge.maintenance_key, self._knowledge.repository_id)
        for session_id in sorted(session_ids):
            self._knowledge.control.check()
            try:
                point = read_closed(self._knowledge.storage, session_id, *keys)
            except ObjectMissing:
                continue
            if isinstance(point, Point):
                for entry_id, pack in self._entries.new_in(point):
                    if pack in self._named:
                        self.ids.add(entry_id)
                walked.add(session_id)
        return walked


def most_needed(points: Iterable[Point]) -> Mapping[PackNumber, int]:
    """The most that any of the points says it needs of each pack, in plain bytes."""
    most: dict[PackNumber, int] = {}
    for point in points:
        for disk in point.disks:
            for number, size in disk.needs.items():
                most[number] = max(most.get(number, 0), size)
    return most
