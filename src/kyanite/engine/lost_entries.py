"""What points need out of packs that are noted as damaged: the work list of a repair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.engine.catalog import read_catalog, read_closed
from kyanite.engine.control import Control
from kyanite.engine.keys import RepositoryKeys
from kyanite.engine.moved_packs import final_packs
from kyanite.engine.moves import Moves
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point
from kyanite.engine.point_walk import Place, walk
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map


@dataclass(slots=True)
class LostEntry:
    """A chunk or page to be stored anew. ``packs``: those that it would be missing from."""

    entry_id: bytes
    is_chunk: bool
    length: int
    packs: set[PackNumber] = field(default_factory=set)
    places: list[tuple[Point, Place]] = field(default_factory=list)


@dataclass(slots=True)
class WorkList:
    """``unlisted``: places below a page that cannot be read: nobody knows what was there."""

    entries: dict[bytes, LostEntry] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    unlisted: list[tuple[Point, Place]] = field(default_factory=list)


def read_all(
    storage: Storage, keys: RepositoryKeys
) -> tuple[list[Point], dict[PackNumber, list[PackNumber]]]:
    """Every point that can be read, and what was moved; what cannot be read is left out."""

    def read(session_id: str) -> Point | Moves | None:
        try:
            return read_closed(storage, session_id, keys.maintenance_key, keys.repository_id)
        except (EngineError, ObjectMissing):
            return None  # verify tells

    points: list[Point] = []
    moved: dict[PackNumber, list[PackNumber]] = {}
    for found in parallel_map(read, read_catalog(storage).announced):
        if isinstance(found, Point):
            points.append(found)
        elif isinstance(found, Moves):
            for old, new in found.moved.items():
                moved.setdefault(old, []).extend(new)
    return points, moved


def list_work(
    reader: PageReader,
    rebuild: Callable[[Point], None],
    unusable: PackSet,
    points: Sequence[Point],
    moved: dict[PackNumber, list[PackNumber]],
    control: Control,
) -> WorkList:
    """Walk the points that need something of ``unusable`` packs.

    ``rebuild`` is called before a point is walked: ``reader`` may read more pages of it then.
    """
    work = WorkList()
    for point in points:
        through = _through(point.packs(), unusable, moved)
        if not through:
            continue
        control.check()
        work.points.append(point)
        rebuild(point)
        for place in walk(point, reader, set()):
            if place.reason:
                work.unlisted.append((point, place))
            packs = through.get(place.pack) if place.pack is not None else None
            if not packs:
                continue
            entry = work.entries.setdefault(
                place.entry_id, LostEntry(place.entry_id, place.leaf_id is not None, place.length)
            )
            entry.packs |= packs
            entry.places.append((point, place))
    return work


def _through(
    named: PackSet, unusable: PackSet, moved: dict[PackNumber, list[PackNumber]]
) -> dict[PackNumber, set[PackNumber]]:
    """For each pack that a point names: which unusable packs its content may be in now."""
    found: dict[PackNumber, set[PackNumber]] = {}
    for number in named:
        bad = {number} if number in unusable else set()
        if number in moved:
            bad |= {one for one in final_packs(moved, number) if one in unusable}
        if bad:
            found[number] = bad
    return found
