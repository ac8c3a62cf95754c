"""Cleaning: gives back what no point needs, beside running backups, without clocks or locks.

The rule, and why it is safe, is in docs/format/order.md, "Cleaning". The order of listings
and writes in this file *is* that rule: do not reorder.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from kyanite.base.clock import Clock
from kyanite.base.errors import ObjectMissing
from kyanite.engine.candidates import Candidates
from kyanite.engine.catalog import exists
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.condemned import (
    CondemnedList,
    packs_name,
    put_list,
    read_lists,
    remove_list,
    settle_waits,
    waits_name,
)
from kyanite.engine.control import Control
from kyanite.engine.deletion import expired_name
from kyanite.engine.format import CONDEMNED_PREFIX, point_name, session_name
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.knowledge import Knowledge, Listing, list_session_names, take_listing
from kyanite.engine.moved_packs import release_moved
from kyanite.engine.moves import Moves
from kyanite.engine.pack import PackRef
from kyanite.engine.pack_listing import packs_of_sessions
from kyanite.engine.pack_set import PackSet
from kyanite.engine.randomness import draw
from kyanite.engine.session import read_registration
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What a cleaning did.

    waiting_for   open sessions that keep condemned packs alive
    locked_packs  unused packs that nobody can delete yet
    """

    deleted_packs: int
    freed_bytes: int
    condemned_packs: int
    kept_packs: int
    waiting_for: tuple[str, ...]
    locked_packs: int = 0


@dataclass(frozen=True, slots=True)
class CleanPlan:
    """What a cleaning would do.

    unused       packs that no point needs, with their sizes
    locked       further such packs, which nobody can delete yet
    condemned    how many packs earlier cleanings have condemned and not deleted yet
    open         sessions that would have to end before anything is deleted
    whole        whether all packs were listed, and not only where something has expired
    """

    unused: dict[PackRef, int]
    locked: dict[PackRef, int]
    condemned: int
    open: tuple[str, ...]
    whole: bool

    @property
    def unused_bytes(self) -> int:
        return sum(self.unused.values())


@dataclass(slots=True)
class _Tally:
    deleted: int = 0
    locked: int = 0
    freed_bytes: int = 0
    waiting: PackSet = field(default_factory=PackSet)
    waiting_for: set[str] = field(default_factory=set)


def clean(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    control: Control,
    clock: Clock,
    whole: bool = False,
    rules: CleaningRules | None = None,
    locked: Container[str] = frozenset(),
) -> CleanReport:
    """Condemn what is unused, execute the lists that may be. Safe to repeat and to interrupt.

    ``whole``: list all packs, also where the ledger says that nothing has changed.
    ``locked``: names of objects that nobody can delete now; such packs are not condemned.
    Raises ``Missing`` or ``Damaged`` before anything is deleted if any point, session or
    segment that it has to read cannot be read.
    """
    rules = rules or CleaningRules()
    return _Cleaning(
        storage, maintenance_key, repository_id, control, clock, whole, rules, locked
    ).run()


def plan_cleaning(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    control: Control,
    clock: Clock,
    whole: bool = False,
    rules: CleaningRules | None = None,
    locked: Container[str] = frozenset(),
) -> CleanPlan:
    """What ``clean`` would find now. Writes nothing."""
    rules = rules or CleaningRules()
    return _Cleaning(
        storage, maintenance_key, repository_id, control, clock, whole, rules, locked
    ).plan()


class _Cleaning:
    def __init__(
        self,
        storage: Storage,
        maintenance_key: bytes,
        repository_id: bytes,
        control: Control,
        clock: Clock,
        whole: bool,
        rules: CleaningRules,
        locked: Container[str],
    ) -> None:
        self._storage = storage
        self._keys = (maintenance_key, repository_id)
        self._control = control
        self._clock = clock
        self._whole = whole
        self._rules = rules
        self._locked = locked

    def plan(self) -> CleanPlan:
        lists = read_lists(self._storage, *self._keys)
        candidates = self._look(lists)
        return CleanPlan(
            candidates.unused,
            candidates.locked,
            sum(len(one.packs) for one in lists),
            tuple(sorted(candidates.listing.open)),
            candidates.whole,
        )

    def run(self) -> CleanReport:
        # 1. and 2. look and mark
        lists = read_lists(self._storage, *self._keys)
        candidates = self._look(lists)
        knowledge, unused = candidates.knowledge, candidates.unused
        # 3. and 4. condemn, then look who is open
        if unused:
            packs = PackSet(pack.number for pack in unused)
            list_id = draw(16).hex()
            put_list(self._storage, list_id, packs, self._clock.now().isoformat(), *self._keys)
            lists.append(CondemnedList(list_id, packs, None))
        tally = _Tally()
        listing = take_listing(self._storage)
        lists = self._settle(lists, listing)
        # 6. execute
        ready = self._ready(lists, listing, tally)
        done, moves = set(knowledge.voids), dict(knowledge.moves)
        knowledge.close_ledgers()
        sessions, heirs = self._execute(ready, knowledge, listing, tally)
        if not heirs:  # else one of them may come to name what was moved
            done |= self._without_names(moves, knowledge)
        # 7. junk
        self._remove_junk(done, listing, sessions)
        followed = [
            expired_name(one)
            for one in candidates.notes
            if one not in candidates.listing.sessions and one not in sessions
        ]
        parallel_map(self._storage.delete, followed)
        self._remove_junk_waits()
        knowledge.write_ledgers(candidates.age, self._rules.ledger_from_points)
        return CleanReport(
            tally.deleted,
            tally.freed_bytes,
            len(tally.waiting),
            candidates.listed - tally.deleted if candidates.whole else len(knowledge.use),
            tuple(sorted(tally.waiting_for)),
            len(candidates.locked) + tally.locked,
        )

    def _look(self, lists: list[CondemnedList]) -> Candidates:
        listed = PackSet(number for one in lists for number in one.packs)
        knowledge = Knowledge(self._storage, *self._keys, self._control)
        found = Candidates.find(knowledge, listed, self._rules, self._whole, self._locked)
        self._whole = found.whole
        return found

    def _settle(self, lists: list[CondemnedList], listing: Listing) -> list[CondemnedList]:
        """Write down which sessions each list waits for, where that is not known yet."""
        still_open = listing.open
        settled: list[CondemnedList] = []
        for one in lists:
            waits = one.waits_for
            if waits is None and still_open:
                waits = settle_waits(self._storage, one.list_id, still_open, *self._keys)
                if waits is None:
                    continue  # another cleaner has executed it
            # Nobody is open: it is executed now; if that is interrupted, it is asked anew.
            settled.append(CondemnedList(one.list_id, one.packs, waits or frozenset()))
        return settled

    def _ready(
        self, lists: list[CondemnedList], listing: Listing, tally: _Tally
    ) -> list[CondemnedList]:
        """The lists whose sessions have all ended."""
        still_open = listing.open
        ready: list[CondemnedList] = []
        for one in lists:
            waits = (one.waits_for or frozenset()) & still_open
            if waits:
                tally.waiting.update(one.packs)
                tally.waiting_for |= waits
            else:
                ready.append(one)
        return ready

    def _execute(
        self,
        ready: list[CondemnedList],
        knowledge: Knowledge,
        listing: Listing,
        tally: _Tally,
    ) -> tuple[frozenset[str], set[str]]:
        """The sessions listed in 6.2, and those that may inherit from a point not marked."""
        # 6.1 the fresh mark: every point of the listing that was taken after the lists were put
        known = knowledge.points | knowledge.voids | knowledge.moves.keys()
        new = {
            one
            for one in listing.closed.keys() - known
            if one in listing.sessions or exists(self._storage, session_name(one))
        }
        knowledge.learn(new, listing)
        # 6.2 then the sessions again
        sessions = list_session_names(self._storage)
        doomed = PackSet(number for one in ready for number in one.packs)
        heirs: set[str] = set()
        if doomed or knowledge.moves:
            heirs = self._heirs(sessions - listing.closed.keys(), knowledge.points)
        if doomed and heirs:
            tally.waiting.update(doomed)
            tally.waiting_for |= heirs
            ready, doomed = [], PackSet()
        if doomed:
            release_moved(knowledge, doomed)
            doomed = PackSet(number for number in doomed if number not in knowledge.use)
        # 6.3 index first, packs next, the lists last
        self._control.check()
        found = packs_of_sessions(self._storage, doomed.sessions(), lambda pack: pack in doomed)
        going = {pack: size for pack, size in found.items() if pack.name not in self._locked}
        tally.locked = len(found) - len(going)  # locked since they were condemned
        tidy_index(self._storage, *self._keys, going, whole=self._whole)
        parallel_map(self._delete, sorted(going, key=lambda pack: pack.name))
        tally.deleted = len(going)
        tally.freed_bytes = sum(going.values())
        for one in ready:
            remove_list(self._storage, one.list_id)
        return sessions, heirs

    def _delete(self, pack: PackRef) -> None:
        self._control.check()
        self._storage.delete(pack.name)

    def _heirs(self, unfinished: frozenset[str], marked: set[str]) -> set[str]:
        """Unfinished sessions that build on a point that the mark has not seen."""
        heirs: set[str] = set()
        for session_id in unfinished:
            try:
                found = read_registration(self._storage, session_id, *self._keys)
            except ObjectMissing:
                continue  # deleted since the listing
            if found.parent is not None and found.parent not in marked:
                heirs.add(session_id)
        return heirs

    def _without_names(self, moves: Mapping[str, Moves], knowledge: Knowledge) -> set[str]:
        """Moves of which no point names anything any more."""
        return {
            session_id
            for session_id, one in moves.items()
            if not any(knowledge.use.named(old) for old in one.moved)
        }

    def _remove_junk(self, done: set[str], listing: Listing, sessions: frozenset[str]) -> None:
        """Points and voids whose session is gone, and what has done its work.

        Asked for by name, not trusted to a listing.
        """
        for session_id in sorted(listing.closed.keys() - sessions):
            if not exists(self._storage, session_name(session_id)):
                self._storage.delete(point_name(session_id))
        for session_id in sorted(done):
            self._storage.delete(session_name(session_id))
            self._storage.delete(point_name(session_id))

    def _remove_junk_waits(self) -> None:
        """What another cleaner wrote beside a list that was just executed."""
        for info in list(self._storage.list(CONDEMNED_PREFIX)):
            list_id = info.name.removeprefix(CONDEMNED_PREFIX).partition("/")[0]
            if info.name == waits_name(list_id) and not exists(self._storage, packs_name(list_id)):
                self._storage.delete(info.name)
