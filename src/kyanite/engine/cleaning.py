"""Cleaning: gives back what no point needs, beside running backups, without clocks or locks.

The rule, and why it is safe, is in docs/format/order.md, "Cleaning". The order of listings
and writes in this file *is* that rule: do not reorder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from kyanite.base.clock import Clock
from kyanite.base.errors import ObjectMissing
from kyanite.engine.catalog import (
    Catalog,
    exists,
    list_closed,
    list_sessions,
    read_point,
    read_points,
)
from kyanite.engine.condemned import (
    CondemnedList,
    pack_of_name,
    packs_name,
    put_list,
    read_lists,
    settle_waits,
    waits_name,
)
from kyanite.engine.control import Control
from kyanite.engine.format import CONDEMNED_PREFIX, PACKS_PREFIX, point_name, session_name, text_of
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.mark import Mark, ensure_present
from kyanite.engine.pack import PackRef
from kyanite.engine.session import read_registration
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What a cleaning did. ``waiting_for``: open sessions that keep condemned packs alive."""

    deleted_packs: int
    freed_bytes: int
    condemned_packs: int
    kept_packs: int
    waiting_for: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    deleted: int = 0
    freed_bytes: int = 0
    waiting: set[PackRef] = field(default_factory=set)
    waiting_for: set[str] = field(default_factory=set)


def clean(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    control: Control,
    clock: Clock,
) -> CleanReport:
    """Condemn what is unused, execute the lists that may be. Safe to repeat and to interrupt.

    Raises ``Missing`` or ``Damaged`` before anything is deleted if any point, session, page
    or segment cannot be read.
    """
    return _Cleaning(storage, maintenance_key, repository_id, control, clock).run()


class _Cleaning:
    def __init__(
        self,
        storage: Storage,
        maintenance_key: bytes,
        repository_id: bytes,
        control: Control,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._maintenance_key = maintenance_key
        self._repository_id = repository_id
        self._control = control
        self._clock = clock

    def run(self) -> CleanReport:
        # 1. packs, then sessions, then points
        packs = self._list_packs()
        sessions = list_sessions(self._storage)
        catalog = Catalog(sessions, list_closed(self._storage))
        lists = read_lists(self._storage, self._maintenance_key, self._repository_id)
        # 2. mark
        mark = Mark()
        marked: set[str] = set()
        self._mark_all(mark, marked, catalog)
        ensure_present(mark.packs, (pack.number for pack in packs), self._storage)
        listed = {pack for one in lists for pack in one.packs}
        unused = frozenset(
            pack
            for pack in packs
            if pack not in mark.packs
            and pack not in listed
            and text_of(pack.session_id) not in catalog.open
        )
        # 3. and 4. condemn, then look who is open
        if unused:
            list_id = os.urandom(16).hex()
            put_list(
                self._storage,
                list_id,
                unused,
                self._clock.now().isoformat(),
                self._maintenance_key,
                self._repository_id,
            )
            lists.append(CondemnedList(list_id, unused, None))
        tally = _Tally()
        lists = self._settle(lists)
        # 6. execute
        ready = self._ready(lists, tally)
        self._execute(ready, mark, marked, packs, tally)
        # 7. junk
        self._remove_junk_points(marked)
        self._remove_junk_waits()
        return CleanReport(
            tally.deleted,
            tally.freed_bytes,
            len(tally.waiting),
            len(packs) - tally.deleted,
            tuple(sorted(tally.waiting_for)),
        )

    def _list_packs(self) -> dict[PackRef, int]:
        found: dict[PackRef, int] = {}
        for info in self._storage.list(PACKS_PREFIX):
            pack = pack_of_name(info.name)
            if pack is not None:
                found[pack] = info.size_bytes
        return found

    def _mark_all(self, mark: Mark, marked: set[str], catalog: Catalog) -> None:
        """Mark the points of a listing. One that is deleted meanwhile does not count as marked."""
        points = read_points(
            self._storage, catalog.announced, self._maintenance_key, self._repository_id
        )
        mark.add(points)
        marked.update(point.session_id for point in points)

    def _settle(self, lists: list[CondemnedList]) -> list[CondemnedList]:
        """Write down which sessions each list waits for, where that is not known yet."""
        if all(one.waits_for is not None for one in lists):
            return lists
        sessions = list_sessions(self._storage)
        still_open = Catalog(sessions, list_closed(self._storage)).open
        settled: list[CondemnedList] = []
        for one in lists:
            waits = one.waits_for
            if waits is None and still_open:
                waits = settle_waits(
                    self._storage,
                    one.list_id,
                    still_open,
                    self._maintenance_key,
                    self._repository_id,
                )
                if waits is None:
                    continue  # another cleaner has executed it
            # Nobody is open: it is executed now; if that is interrupted, it is asked anew.
            settled.append(CondemnedList(one.list_id, one.packs, waits or frozenset()))
        return settled

    def _ready(self, lists: list[CondemnedList], tally: _Tally) -> list[CondemnedList]:
        """The lists whose sessions have all ended."""
        sessions = list_sessions(self._storage)
        still_open = Catalog(sessions, list_closed(self._storage)).open
        ready: list[CondemnedList] = []
        for one in lists:
            waits = (one.waits_for or frozenset()) & still_open
            if waits:
                tally.waiting |= one.packs
                tally.waiting_for |= waits
            else:
                ready.append(one)
        return ready

    def _execute(
        self,
        ready: list[CondemnedList],
        mark: Mark,
        marked: set[str],
        packs: dict[PackRef, int],
        tally: _Tally,
    ) -> None:
        # 6.1 the fresh mark, over a fresh index: new points may use new segments
        doomed: frozenset[PackRef] = frozenset()
        if ready:
            closed = list_closed(self._storage)
            sessions = list_sessions(self._storage)
            new = sorted((closed & sessions) - marked)
            if new:
                points = read_points(self._storage, new, self._maintenance_key, self._repository_id)
                mark.add(points)
                marked.update(point.session_id for point in points)
            # 6.2 then the sessions again
            blocking = self._blocking(list_sessions(self._storage) - closed, marked)
            if blocking:
                for one in ready:
                    tally.waiting |= one.packs
                tally.waiting_for |= blocking
                ready = []
            doomed = frozenset(
                pack for one in ready for pack in one.packs if pack not in mark.packs
            )
        # 6.3 index first, packs next, the list last
        self._control.check()
        tidy_index(self._storage, self._maintenance_key, self._repository_id, doomed)
        going = sorted(doomed & packs.keys(), key=lambda pack: pack.name)
        parallel_map(self._delete, going)
        tally.deleted = len(going)
        tally.freed_bytes = sum(packs[pack] for pack in going)
        for one in ready:
            self._storage.delete(waits_name(one.list_id))
            self._storage.delete(packs_name(one.list_id))

    def _delete(self, pack: PackRef) -> None:
        self._control.check()
        self._storage.delete(pack.name)

    def _blocking(self, unfinished: frozenset[str], marked: set[str]) -> set[str]:
        """Unfinished sessions that build on a point that the mark has not seen."""
        blocking: set[str] = set()
        for session_id in unfinished:
            try:
                found = read_registration(
                    self._storage, session_id, self._maintenance_key, self._repository_id
                )
            except ObjectMissing:
                continue  # deleted since the listing
            if found.parent is not None and found.parent not in marked:
                blocking.add(session_id)
        return blocking

    def _remove_junk_points(self, marked: set[str]) -> None:
        """Points and voids whose session is gone. Asked for by name, not trusted to a listing."""
        closed = list_closed(self._storage)
        for session_id in sorted(closed - list_sessions(self._storage)):
            if not exists(self._storage, session_name(session_id)):
                self._storage.delete(point_name(session_id))
        # Voids have done their work when cleaning has gone past their session.
        for session_id in sorted((closed & list_sessions(self._storage)) - marked):
            self._remove_if_void(session_id)

    def _remove_junk_waits(self) -> None:
        """What another cleaner wrote beside a list that was just executed."""
        for info in list(self._storage.list(CONDEMNED_PREFIX)):
            list_id = info.name.removeprefix(CONDEMNED_PREFIX).partition("/")[0]
            if info.name == waits_name(list_id) and not exists(self._storage, packs_name(list_id)):
                self._storage.delete(info.name)

    def _remove_if_void(self, session_id: str) -> None:
        try:
            point = read_point(
                self._storage, session_id, self._maintenance_key, self._repository_id
            )
        except ObjectMissing:
            return
        if point is None:
            self._storage.delete(session_name(session_id))
            self._storage.delete(point_name(session_id))
