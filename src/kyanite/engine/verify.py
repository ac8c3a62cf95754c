"""Verifying: what is there, is it what was written, and which points are hurt if not.

Levels: ``present`` compares listings with what points need; ``sample`` also reads one pack
in twenty; ``full`` opens every entry of every pack and recomputes every keyed hash.
"""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Final

from kyanite.base.errors import Damaged, EngineError, Missing, ObjectMissing
from kyanite.engine.catalog import exists, read_catalog, read_point
from kyanite.engine.condemned import pack_of_name
from kyanite.engine.control import Control
from kyanite.engine.format import PACKS_PREFIX, point_name, session_name
from kyanite.engine.index import Index
from kyanite.engine.index_shelf import Shelf
from kyanite.engine.keys import MaintenanceKeys, RepositoryKeys
from kyanite.engine.pack import PackRef
from kyanite.engine.pack_check import check_pack
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point
from kyanite.engine.point_walk import walk
from kyanite.engine.session import read_registration
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map
from kyanite.engine.trace_check import lone_traces
from kyanite.engine.traces import list_traces

_SAMPLED_SHARE: Final = 20  # one pack in so many
_PACKS_AT_ONCE: Final = 3  # each is held in memory whole


class Level(Enum):
    """How deep to look."""

    PRESENT = "present"
    SAMPLE = "sample"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Hurt:
    """A place of a point that cannot be restored."""

    session_id: str
    label: str
    disk_id: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is wrong: the object, a sentence, and what it hurts."""

    name: str
    reason: str
    hurts: tuple[Hurt, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """``damages`` is empty if everything that was looked at is right."""

    level: Level
    points: int
    packs: int
    chunks_opened: int
    bytes_read: int
    damages: tuple[Damage, ...]


@dataclass(slots=True)
class _Findings:
    """``lost_packs``: nothing in them can be told; ``bad_entries``: single ones."""

    damages: list[Damage] = field(default_factory=list)
    lost_packs: set[PackRef] = field(default_factory=set)
    bad_entries: set[tuple[PackRef, bytes]] = field(default_factory=set)
    chunks_opened: int = 0
    bytes_read: int = 0


def verify(
    storage: Storage,
    keys: RepositoryKeys | MaintenanceKeys,
    level: Level,
    control: Control,
    choose: random.Random | None = None,
) -> VerifyReport:
    """Look at everything that ``level`` asks for; damage is reported, never raised."""
    return _Verifying(storage, keys, level, control, choose or random.Random()).run()


class _Verifying:
    def __init__(
        self,
        storage: Storage,
        keys: RepositoryKeys | MaintenanceKeys,
        level: Level,
        control: Control,
        choose: random.Random,
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._data_keys = keys if isinstance(keys, RepositoryKeys) else None
        self._level = level
        self._control = control
        self._choose = choose
        self._found = _Findings()

    def run(self) -> VerifyReport:
        traces = list_traces(self._storage)  # before the points: see ``lone_traces``
        announced = read_catalog(self._storage).announced
        points = self._points(announced)
        lone = lone_traces(
            self._storage,
            self._keys.maintenance_key,
            self._keys.repository_id,
            traces,
            frozenset(announced),
            self._level is not Level.PRESENT,
        )
        for name, reason, session_id in lone:
            hurt = (Hurt(session_id, "", "", 0, 0),) if name == point_name(session_id) else ()
            self._found.damages.append(Damage(name, reason, hurt))
        index = self._index()
        sizes = {
            pack: info.size_bytes
            for info in self._storage.list(PACKS_PREFIX)
            if (pack := pack_of_name(info.name)) is not None
        }
        self._compare(index, sizes)
        if self._level is not Level.PRESENT and self._data_keys is not None:
            self._open_packs(self._data_keys, sorted(sizes, key=lambda pack: pack.name))
        hurts = self._hurts(points, index, sizes)
        gone = {
            session_id
            for session_id in {p.session_id for places in hurts.values() for p in places}
            if not exists(self._storage, session_name(session_id))
        }
        for places in hurts.values():  # points deleted meanwhile need nothing any more
            places[:] = [place for place in places if place.session_id not in gone]
        damages = [
            Damage(one.name, one.reason, (*one.hurts, *hurts.pop(one.name, ())))
            for one in self._found.damages
        ]
        damages += [
            Damage(name, "Chunks or pages that points need cannot be read here.", tuple(places))
            for name, places in sorted(hurts.items())
            if places
        ]
        return VerifyReport(
            self._level,
            len(points),
            len(sizes),
            self._found.chunks_opened,
            self._found.bytes_read,
            tuple(damages),
        )

    def _points(self, announced: Sequence[str]) -> list[Point]:
        points: list[Point] = []
        for session_id in announced:
            self._control.check()
            try:
                read_registration(
                    self._storage,
                    session_id,
                    self._keys.maintenance_key,
                    self._keys.repository_id,
                )
                point = read_point(
                    self._storage,
                    session_id,
                    self._keys.maintenance_key,
                    self._keys.repository_id,
                    self._data_keys.session_root_of if self._data_keys else None,
                )
            except ObjectMissing:
                continue  # deleted meanwhile
            except EngineError as error:
                name = point_name(session_id)
                hurt = Hurt(session_id, "", "", 0, 0)
                self._found.damages.append(Damage(name, str(error), (hurt,)))
                continue
            if point is not None:
                points.append(point)
        return points

    def _index(self) -> Index:
        """All segments that can be read; the others are damages."""

        def damaged(name: str, error: EngineError) -> None:
            self._found.damages.append(Damage(name, str(error)))

        keys = self._keys
        shelf = Shelf(self._storage, keys.maintenance_key, keys.repository_id, on_damage=damaged)
        for name in shelf.incomplete:
            if all(one.name != name for one in self._found.damages):
                damaged(name, Missing("An object of this index segment is missing."))
        if self._level is not Level.PRESENT:
            for segment in shelf.segments:
                self._control.check()
                try:
                    segment.check()
                except Damaged as error:
                    damaged(segment.name, error)
                except ObjectMissing:
                    continue  # merged meanwhile
        return Index(shelf)

    def _compare(self, index: Index, sizes: dict[PackRef, int]) -> None:
        """Find packs of another size than the index knows."""
        for pack, indexed in index.packs().items():
            size = sizes.get(pack)
            if size is not None and size != indexed.size_bytes:
                self._found.lost_packs.add(pack)
                reason = f"It has {size} bytes and should have {indexed.size_bytes}."
                self._found.damages.append(Damage(pack.name, reason))

    def _open_packs(self, keys: RepositoryKeys, packs: Sequence[PackRef]) -> None:
        if self._level is Level.SAMPLE and packs:
            packs = self._choose.sample(packs, -(-len(packs) // _SAMPLED_SHARE))
        for at in range(0, len(packs), _PACKS_AT_ONCE):
            self._control.check()
            parallel_map(
                partial(self._open_pack, keys), packs[at : at + _PACKS_AT_ONCE], _PACKS_AT_ONCE
            )

    def _open_pack(self, keys: RepositoryKeys, pack: PackRef) -> None:
        try:
            checked = check_pack(self._storage, keys, pack)
        except ObjectMissing:
            return  # deleted meanwhile
        except EngineError as error:
            if pack not in self._found.lost_packs:
                self._found.lost_packs.add(pack)
                self._found.damages.append(Damage(pack.name, str(error)))
            return
        self._found.chunks_opened += checked.opened
        self._found.bytes_read += checked.size_bytes
        self._control.advance(read=checked.size_bytes)
        if checked.damaged:
            reasons = " ".join(reason for _, reason in checked.damaged)
            self._found.damages.append(Damage(pack.name, reasons))
            self._found.bad_entries |= {(pack, entry_id) for entry_id, _ in checked.damaged}

    def _hurts(
        self, points: Sequence[Point], index: Index, sizes: Container[PackRef]
    ) -> dict[str, list[Hurt]]:
        """Every place of every point that cannot be restored, by the object that is to blame."""
        found = self._found

        def blame(entry_id: bytes) -> str:
            """The object that is to blame if the entry cannot be read; empty if it can."""
            blamed = "index"
            for location in index.find_all(entry_id):
                pack = location.pack
                if (
                    pack in sizes
                    and pack not in found.lost_packs
                    and (pack, entry_id) not in found.bad_entries
                ):
                    return ""
                blamed = pack.name
            return blamed

        keys = self._keys
        reader = PageReader(
            self._storage,
            index.find_all,
            keys.maintenance_key,
            keys.repository_id,
            self._data_keys.id_key if self._data_keys else None,
        )
        hurts: dict[str, list[Hurt]] = {}
        whole: set[bytes] = set()  # leaf pages without any damage, not to be walked again
        for point in points:
            self._control.check()
            seen: set[bytes] = set()
            hurt_leaves: set[bytes] = set()
            for place in walk(point, reader, whole):
                blamed = blame(place.entry_id)
                if place.reason and not blamed:
                    blamed = next(index.find_all(place.entry_id)).pack.name
                if place.leaf_id is not None:
                    seen.add(place.leaf_id)
                if blamed:
                    if place.leaf_id is not None:
                        hurt_leaves.add(place.leaf_id)
                    hurts.setdefault(blamed, []).append(
                        Hurt(
                            point.session_id,
                            point.label,
                            place.disk_id,
                            place.offset,
                            place.length,
                        )
                    )
            whole |= seen - hurt_leaves
        return hurts
