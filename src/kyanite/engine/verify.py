"""Verifying: what is there, is it what was written, and which points are hurt if not.

Levels: ``present`` compares listings with what points need, and reads no pack; ``sample``
also reads one pack in twenty, ``rolling`` those whose turn it is; ``full`` opens every entry
of every pack, recomputes every keyed hash, and walks every point and every small object.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from kyanite.base.errors import Damaged, EngineError, Missing, ObjectMissing
from kyanite.engine.catalog import exists, read_catalog, read_closed
from kyanite.engine.control import Control
from kyanite.engine.copies import Copies
from kyanite.engine.damage_notes import read_notes
from kyanite.engine.format import point_name, session_name, text_of
from kyanite.engine.index import Index
from kyanite.engine.index_shelf import Shelf
from kyanite.engine.keys import MaintenanceKeys, RepositoryKeys
from kyanite.engine.moved_packs import final_packs
from kyanite.engine.moves import Moves
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.pack_listing import all_packs
from kyanite.engine.pack_set import PackSet
from kyanite.engine.point import Point
from kyanite.engine.session import read_registration
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map
from kyanite.engine.trace_check import lone_traces
from kyanite.engine.traces import list_traces
from kyanite.engine.verified import read_verified
from kyanite.engine.verify_hurts import BadEntries, HurtFinder
from kyanite.engine.verify_packs import PackChecks
from kyanite.engine.verify_report import Damage, Hurt, Level, PointState, VerifyReport
from kyanite.engine.verify_schedule import Rolling, due, sample
from kyanite.engine.verify_small import check_small_objects

__all__ = ["Damage", "Hurt", "Level", "PointState", "Rolling", "VerifyReport", "verify"]


def verify(
    storage: Storage,
    keys: RepositoryKeys | MaintenanceKeys,
    level: Level,
    control: Control,
    today: date,
    rolling: Rolling | None = None,
    choose: random.Random | None = None,
) -> VerifyReport:
    """Look at everything that ``level`` asks for; damage is reported, never raised.

    Writes nothing: what to remember of it is the caller's (``verified``, ``damage_notes``).
    """
    verifying = _Verifying(storage, keys, level, control)
    return verifying.run(today, rolling or Rolling(30, today), choose or random.Random())


class _Verifying:
    def __init__(
        self,
        storage: Storage,
        keys: RepositoryKeys | MaintenanceKeys,
        level: Level,
        control: Control,
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._data_keys = keys if isinstance(keys, RepositoryKeys) else None
        self._structure = (keys.maintenance_key, keys.repository_id)
        self._level = level
        self._control = control
        self._damages: list[Damage] = []
        self._bad = BadEntries()
        self._moved: dict[PackNumber, list[PackNumber]] = {}

    def run(self, today: date, rolling: Rolling, choose: random.Random) -> VerifyReport:
        traces = list_traces(self._storage)  # before the points: see ``lone_traces``
        announced = read_catalog(self._storage).announced
        points = self._points(announced)
        self._check_traces(traces, announced)
        index = self._index()
        sizes = dict(all_packs(self._storage))
        self._bad.there = sizes.keys()
        note, _ = read_notes(self._storage, *self._structure, skip_damaged=True)
        self._bad.excised = note.excised
        read_on, _ = read_verified(self._storage, *self._structure)
        packs = PackChecks(self._storage, self._control, self._bad, index)
        packs.compare(sizes)
        if self._data_keys is not None:
            packs.open(self._data_keys, self._chosen(sizes, read_on, rolling, choose))
        self._damages += packs.damages
        if self._level is Level.FULL:
            known = {session_name(session_id) for session_id in announced}
            self._damages += check_small_objects(self._storage, self._keys, known)
        there = PackSet(pack.number for pack in sizes)
        missing = self._missing(points, there)
        bad_packs = PackSet((*missing, *self._bad.numbers()))
        suspect = PackSet((*bad_packs, *note.unusable, *packs.unindexed))
        gone = {number: self._gone(number, there) for number in sorted(missing)}
        self._add_hurts(points, index, suspect, gone, packs.names)
        for number in packs.read_now:
            read_on[number] = today
        read_on = {n: day for n, day in read_on.items() if n in there and n not in bad_packs}
        return VerifyReport(
            self._level,
            len(points),
            len(sizes),
            packs.opened,
            packs.read_bytes,
            tuple(self._damages),
            self._states(points, read_on),
            read_on,
            packs.read_now,
            bad_packs,
            sum(sizes.values()),
        )

    # What there is

    def _points(self, announced: Sequence[str]) -> list[Point]:
        def read(session_id: str) -> Point | Moves | Damage | None:
            self._control.check()
            try:
                read_registration(self._storage, session_id, *self._structure)
                root_of = self._data_keys.session_root_of if self._data_keys else None
                return read_closed(self._storage, session_id, *self._structure, root_of)
            except ObjectMissing:
                return None  # deleted meanwhile
            except EngineError as error:
                hurt = Hurt(session_id, "", "", 0, 0)
                return Damage(point_name(session_id), str(error), (hurt,))

        points: list[Point] = []
        for found in parallel_map(read, announced):
            if isinstance(found, Damage):
                self._damages.append(found)
            elif isinstance(found, Moves):
                for old, new in found.moved.items():
                    self._moved.setdefault(old, []).extend(new)
            elif found is not None:
                points.append(found)
        return sorted(points, key=lambda point: (point.created_at, point.session_id))

    def _check_traces(self, traces: Iterable[str], announced: Sequence[str]) -> None:
        lone = lone_traces(
            self._storage,
            *self._structure,
            traces,
            frozenset(announced),
            self._level is not Level.PRESENT,
        )
        for name, reason, session_id in lone:
            hurt = (Hurt(session_id, "", "", 0, 0),) if name == point_name(session_id) else ()
            self._damages.append(Damage(name, reason, hurt))

    def _index(self) -> Index:
        """All segments that can be read; the others are damages."""

        def damaged(name: str, error: EngineError) -> None:
            self._damages.append(Damage(name, str(error)))

        shelf = Shelf(self._storage, *self._structure, on_damage=damaged)
        for name in shelf.incomplete:
            if all(one.name != name for one in self._damages):
                damaged(name, Missing("An object of this index segment is missing."))
        if self._level is Level.FULL:
            for segment in shelf.segments:
                self._control.check()
                try:
                    segment.check()
                except Damaged as error:
                    damaged(segment.name, error)
                except ObjectMissing:
                    continue  # merged meanwhile
        return Index(shelf)

    # Packs

    def _chosen(
        self,
        sizes: dict[PackRef, int],
        read_on: dict[PackNumber, date],
        rolling: Rolling,
        choose: random.Random,
    ) -> Sequence[PackRef]:
        """The packs to read."""
        if self._level is Level.SAMPLE:
            return sample(list(sizes.items()), choose)
        if self._level is Level.ROLLING:
            return due(list(sizes.items()), read_on, rolling)
        return sorted(sizes, key=lambda pack: pack.name) if self._level is Level.FULL else []

    def _missing(self, points: Sequence[Point], there: PackSet) -> PackSet:
        """Packs that points name and that are neither there nor moved to packs that are."""
        missing = PackSet()
        for point in points:
            for number in point.packs().without(there):
                if self._gone(number, there):
                    missing.add(number)
        return missing

    def _gone(self, number: PackNumber, there: PackSet) -> list[PackNumber]:
        """What is not there of a pack, or of what it was moved to."""
        final = final_packs(self._moved, number) if number in self._moved else PackSet((number,))
        return sorted(final.without(there))

    # Points

    def _add_hurts(
        self,
        points: Sequence[Point],
        index: Index,
        suspect: PackSet,
        missing: dict[PackNumber, list[PackNumber]],
        names: dict[PackNumber, str],
    ) -> None:
        """Name what each damage hurts; what is in no pack at all is a damage of its own.

        ``missing``: packs that points name, each with those that are gone because of it.
        """
        chosen = [
            point
            for point in points
            if self._level is Level.FULL
            or any(
                number in suspect or (number not in names and number not in self._moved)
                for number in self._followed(point.packs())
            )
        ]
        finder = HurtFinder(
            self._storage, self._keys, Copies(lambda: index, index), self._bad, self._control
        )
        hurts = finder.find(chosen, lambda _: "index")
        deleted = {
            session_id
            for session_id in {place.session_id for places in hurts.values() for place in places}
            if not exists(self._storage, session_name(session_id))
        }
        for places in hurts.values():  # points deleted meanwhile need nothing any more
            places[:] = [place for place in places if place.session_id not in deleted]
        self._damages = [
            replace(one, hurts=(*one.hurts, *hurts.pop(one.name, ()))) for one in self._damages
        ]
        known = {one.name for one in self._damages}
        for named, gone in missing.items():
            if not self._still_missing(points, named, deleted):
                continue
            for number in gone:
                name = names.get(number) or f"packs/{text_of(number.session_id)}/#{number.ordinal}"
                if name not in known:
                    known.add(name)
                    reason = "This pack is missing, and points need it."
                    self._damages.append(Damage(name, reason, tuple(hurts.pop(name, ()))))
        self._damages += [
            Damage(name, "Chunks or pages that points need cannot be read here.", tuple(places))
            for name, places in sorted(hurts.items())
            if places
        ]

    def _still_missing(
        self, points: Sequence[Point], number: PackNumber, deleted: set[str]
    ) -> bool:
        """Whether a point that names the pack is still there, and the pack was not put late."""
        naming = [p.session_id for p in points if number in p.packs()]
        return any(
            one not in deleted and exists(self._storage, session_name(one)) for one in naming
        )

    def _followed(self, packs: PackSet) -> PackSet:
        """Packs, and what was moved out of them."""
        found = PackSet(packs)
        for number in packs:
            if number in self._moved:
                found.update(final_packs(self._moved, number))
        return found

    def _states(
        self, points: Sequence[Point], read_on: dict[PackNumber, date]
    ) -> tuple[PointState, ...]:
        hurt = {place.session_id for damage in self._damages for place in damage.hurts}
        states: list[PointState] = []
        for point in points:
            needed = [n for n in self._followed(point.packs()) if n not in self._moved]
            days = [read_on.get(number) for number in needed]
            known = [day for day in days if day is not None]
            oldest = min(known, default=None) if len(known) == len(days) else None
            states.append(
                PointState(
                    point.session_id,
                    point.machine_id,
                    point.label,
                    point.created_at,
                    point.session_id in hurt,
                    oldest,
                )
            )
        return tuple(states)
