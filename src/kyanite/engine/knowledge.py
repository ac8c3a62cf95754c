"""What a cleaner knows: the points there are, and which packs are in use because of them.

Starts from the ledgers and reads only points that no ledger knows. Which points exist is
never taken from a ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.base.units import MIB
from kyanite.engine.catalog import read_closed
from kyanite.engine.control import Control
from kyanite.engine.format import (
    LEDGER_PREFIX,
    POINTS_PREFIX,
    SESSIONS_PREFIX,
    Kind,
    id_of,
    is_session_id,
    text_of,
)
from kyanite.engine.ledger import KnownPoint, MachineUse, decode_ledger, encode_ledger
from kyanite.engine.listing import listed
from kyanite.engine.moves import Moves
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.pack_use import PackUse
from kyanite.engine.point import Point
from kyanite.engine.randomness import draw
from kyanite.engine.sealed_object import fetch, seal, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_READ_AT_ONCE: Final = 64  # points held in memory whole
_LEDGER_BYTES: Final = 8 * MIB


@dataclass(frozen=True, slots=True)
class Listing:
    """Names as listed: sessions, then what closes sessions, with size and time of the object."""

    sessions: frozenset[str]
    closed: dict[str, tuple[int, int]]

    @property
    def open(self) -> frozenset[str]:
        """Sessions that may still commit."""
        return self.sessions - self.closed.keys()


def list_session_names(storage: Storage) -> frozenset[str]:
    names = (info.name.removeprefix(SESSIONS_PREFIX) for info in listed(storage, SESSIONS_PREFIX))
    return frozenset(name for name in names if is_session_id(name))


def take_listing(storage: Storage) -> Listing:
    """Sessions first, points then: of what is listed as open, no point was there before."""
    sessions = {name: name for name in list_session_names(storage)}
    closed: dict[str, tuple[int, int]] = {}
    for info in listed(storage, POINTS_PREFIX):
        name = info.name.removeprefix(POINTS_PREFIX)
        if is_session_id(name):
            modified = (info.modified_at - _EPOCH) // _MICROSECOND
            closed[sessions.get(name, name)] = (info.size_bytes, modified)
    return Listing(frozenset(sessions), closed)


@dataclass(slots=True)
class Knowledge:
    """Grows with ``learn``.

    points    sessions whose point is known; ``voids`` and ``moves`` likewise
    fresh     those that were read in this run
    expired   sessions whose point was in a ledger and is gone
    dropped   packs that such a point was the last of its machine to need
    age       cleanings since all packs were listed; ``None`` without a ledger
    """

    storage: Storage
    maintenance_key: bytes
    repository_id: bytes
    control: Control
    points: set[str] = field(default_factory=set)
    voids: set[str] = field(default_factory=set)
    moves: dict[str, Moves] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    dropped: PackSet = field(default_factory=PackSet)
    age: int | None = None
    use: PackUse = field(default_factory=PackUse)
    machines: dict[str, MachineUse] = field(default_factory=dict)
    _homes: dict[str, list[str]] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _noted: dict[str, MachineUse] | None = None

    def load_ledgers(self, listing: Listing) -> None:
        """Take over what ledgers say of points that are still the same objects."""
        names = [info.name for info in listed(self.storage, LEDGER_PREFIX)]
        for name, found in zip(names, parallel_map(self._read_ledger, names), strict=True):
            self._homes[name] = []
            if found is None:
                continue
            age, machines = found
            self.age = age if self.age is None else max(age, self.age)
            for machine in machines:
                if machine.machine_id not in self.machines:  # else two cleaners wrote it
                    self._homes[name].append(machine.machine_id)
                    self._take_over(machine, listing)

    def learn(self, session_ids: Iterable[str], listing: Listing) -> None:
        """Read what closes these sessions. Raises ``Damaged`` if one cannot be read."""
        wanted = sorted(session_ids)
        for at in range(0, len(wanted), _READ_AT_ONCE):
            self.control.check()
            by_machine: dict[str, list[tuple[KnownPoint, PackSet]]] = {}
            some = wanted[at : at + _READ_AT_ONCE]
            for session_id, found in zip(some, parallel_map(self._read, some), strict=True):
                if isinstance(found, _Gone):
                    continue
                self.fresh.add(session_id)
                if found is None:
                    self.voids.add(session_id)
                elif isinstance(found, Moves):
                    self.moves[session_id] = found
                else:
                    self.points.add(session_id)
                    packs = found.packs()
                    known = KnownPoint(id_of(session_id), *listing.closed[session_id])
                    by_machine.setdefault(found.machine_id, []).append((known, packs))
            for machine_id, new in by_machine.items():
                before = self.machines.get(machine_id) or MachineUse.empty(machine_id)
                after = before.with_points(new)
                self.machines[machine_id] = after
                self.use.add_machine(after)
                self._changed.add(machine_id)
        if wanted:
            self.follow_moves()

    def learn_moves(self, listing: Listing) -> None:
        """Only what was moved since: a later listing knows of points that are no news here."""
        known = self.points | self.voids | self.moves.keys()
        new = sorted((listing.closed.keys() & listing.sessions) - known)
        for session_id, found in zip(new, parallel_map(self._read, new), strict=True):
            if isinstance(found, Moves):
                self.moves[session_id] = found
        self.follow_moves()

    def follow_moves(self) -> None:
        """What was moved out of a pack that a point names is in use."""
        moved = self.moved()
        todo = [old for old in moved if self.use.named(old)]
        while todo:
            for new in moved[todo.pop()]:
                if not self.use.named(new):
                    self.use.add(new)
                    if new in moved:
                        todo.append(new)

    def moved(self) -> dict[PackNumber, list[PackNumber]]:
        """Every pack that was moved, and where to; by two repacks at once: to both places."""
        moved: dict[PackNumber, list[PackNumber]] = {}
        for moves in self.moves.values():
            for old, new in moves.moved.items():
                moved.setdefault(old, []).extend(new)
        return moved

    def naming(self, packs: PackSet) -> dict[PackNumber, set[str]]:
        """The points that name each of ``packs``."""
        found: dict[PackNumber, set[str]] = {}
        for machine in self.machines.values():
            for number, points in machine.naming(packs):
                names = found.setdefault(number, set())
                names.update(text_of(point.session_id) for point in points)
        return found

    # Ledgers

    def close_ledgers(self) -> None:
        """What is learned from now on is not noted: its own packs were not looked at yet."""
        self._noted = dict(self.machines)

    def write_ledgers(self, age: int, from_points: int) -> None:
        """Put what changed into new ledgers, then remove those they replace.

        With fewer points than ``from_points`` none is kept.
        """
        noted = self.machines if self._noted is None else self._noted
        changed = self._changed & noted.keys()
        stale = [
            name
            for name, machines in self._homes.items()
            if not machines or any(one in changed for one in machines)
        ]
        keep = sum(len(machine.points) for machine in noted.values()) >= from_points
        if not keep:
            stale = list(self._homes)
        homeless = changed.union(*(self._homes[name] for name in stale))
        todo = [noted[one] for one in sorted(homeless) if noted[one].points]
        if keep:
            for group in _groups(todo):
                name = f"{LEDGER_PREFIX}{draw(16).hex()}"
                body = encode_ledger(group, age)
                self.storage.put(
                    name,
                    seal(Kind.LEDGER, name, body, self.maintenance_key, self.repository_id),
                )
        parallel_map(self.storage.delete, stale)

    def _read_ledger(self, name: str) -> tuple[int, list[MachineUse]] | None:
        try:
            data = fetch(self.storage, name)
            return decode_ledger(
                unseal(Kind.LEDGER, name, data, self.maintenance_key, self.repository_id)
            )
        except (EngineError, ObjectMissing):
            return None  # a cache: made anew from the points

    def _take_over(self, machine: MachineUse, listing: Listing) -> None:
        gone: set[bytes] = set()
        for known in machine.points:
            session_id = text_of(known.session_id)
            same = listing.closed.get(session_id) == (known.size_bytes, known.modified_us)
            if same and session_id in listing.sessions and session_id not in self.points:
                self.points.add(session_id)
            else:
                gone.add(known.session_id)
                self.expired.add(session_id)
        if gone:
            machine, dropped = machine.without(gone)
            self.dropped.update(dropped)
            self._changed.add(machine.machine_id)
        self.machines[machine.machine_id] = machine
        self.use.add_machine(machine)

    def _read(self, session_id: str) -> Point | Moves | _Gone | None:
        try:
            return read_closed(self.storage, session_id, self.maintenance_key, self.repository_id)
        except ObjectMissing:
            return _Gone()


class _Gone:
    """Deleted since it was listed."""


def _groups(machines: Iterable[MachineUse]) -> Iterator[list[MachineUse]]:
    group: list[MachineUse] = []
    size = 0
    for machine in machines:
        size += 16 * len(machine.owner) + 16 * len(machine.owners) + 28 * len(machine.points)
        group.append(machine)
        if size > _LEDGER_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
