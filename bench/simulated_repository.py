"""A repository too big to be made: its objects are worked out when somebody asks for them.

Machines with a year of daily points each. A full backup has many packs, of which some fall
out of use every day; every increment has a few packs that live for a day, a week, a month or
for good. The ledger is what the last cleaning left behind. Only what cleaning looks at
exists: sessions, points (as names), packs (as names and sizes), ledgers, notes.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from kyanite.base.errors import ObjectMissing
from kyanite.base.units import MIB
from kyanite.engine.deletion import expired_name
from kyanite.engine.format import (
    LEDGER_PREFIX,
    PACKS_PREFIX,
    POINTS_PREFIX,
    SESSIONS_PREFIX,
    Kind,
    pack_name,
    text_of,
)
from kyanite.engine.json_bodies import to_json_bytes
from kyanite.engine.ledger import KnownPoint, MachineUse, encode_ledger
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.sealed_object import seal
from kyanite.engine.storage.base import Data, ObjectInfo

KEY = b"m" * 32
REPOSITORY = b"r" * 16
PACK_BYTES = 32 * MIB
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_WHEN_US = int(_WHEN.timestamp()) * 1_000_000
_POINT_BYTES = 9000
_LISTED_AT_ONCE = 5000  # names in one answer, as Azure does
_LIVES = (1, 2, 7, 30, 120, 100_000)  # days that the packs of an increment are needed


class SimulatedRepository:
    """A storage with ``machines`` × ``points`` points; counts requests and bytes."""

    def __init__(self, machines: int, points: int, packs_of_full: int) -> None:
        self.machines = machines
        self.points = points
        self.requests: Counter[str] = Counter()
        self.bytes_moved = 0
        self._full = packs_of_full
        self._objects: dict[str, bytes] = {}
        self._gone: set[str] = set()
        # For each pack of a machine: its session's place, its ordinal, first and last point.
        rows = [(0, o, 0, self._end_of_full(o)) for o in range(packs_of_full)]
        rows += [
            (place, o, place, min(points, place + life))
            for place in range(1, points)
            for o, life in enumerate(_LIVES)
        ]
        self._rows = np.array(rows, np.uint32)
        self._write_ledgers()

    @property
    def packs(self) -> int:
        return self.machines * len(self._rows)

    def session(self, machine: int, place: int) -> uuid.UUID:
        return uuid.UUID(fields=(machine, place, 0x7000, 0x80, 0, 0))

    def expire(self, machine: int, place: int) -> int:
        """Delete a point; returns the bytes that no other point needs."""
        session = self.session(machine, place)
        mine = self._rows[(self._rows[:, 2] <= place) & (self._rows[:, 3] > place)]
        packs = PackSet(
            PackNumber(self.session(machine, int(owner)).bytes, int(ordinal))
            for owner, ordinal, _, _ in mine
        )
        name = expired_name(str(session))
        body = to_json_bytes({"packs": packs.to_json()})
        self._objects[name] = seal(Kind.EXPIRED, name, body, KEY, REPOSITORY)
        self._gone |= {f"{SESSIONS_PREFIX}{session}", f"{POINTS_PREFIX}{session}"}
        alone = (mine[:, 2] == place) & (mine[:, 3] == place + 1)
        return int(alone.sum()) * PACK_BYTES

    # The storage

    def put(self, name: str, data: Data) -> None:
        self._count("put", len(data))
        self._objects[name] = bytes(data)

    def get(self, name: str) -> bytes:
        data = self._objects.get(name)
        if data is None:
            raise ObjectMissing(f"There is no object {name}.")
        self._count("get", len(data))
        return data

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        data = self._objects[name][offset : offset + length]
        self._count("get_range", len(data))
        return data

    def size(self, name: str) -> int:
        self._count("size", 0)
        if name in self._objects:
            return len(self._objects[name])
        if name in self._gone or not name.startswith((SESSIONS_PREFIX, POINTS_PREFIX)):
            raise ObjectMissing(f"There is no object {name}.")
        return _POINT_BYTES

    def delete(self, name: str) -> None:
        self._count("delete", 0)
        if self._objects.pop(name, None) is None:
            self._gone.add(name)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for number, info in enumerate(self._list(prefix)):
            if number % _LISTED_AT_ONCE == 0:
                self._count("list", 0)
            self.bytes_moved += 400  # what a row of a listing takes
            yield info

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        if prefix in (SESSIONS_PREFIX, POINTS_PREFIX):
            for machine in range(self.machines):
                for place in range(self.points):
                    name = f"{prefix}{text_of(self.session(machine, place).bytes)}"
                    if name not in self._gone:
                        yield ObjectInfo(name, _POINT_BYTES, _WHEN)
        elif prefix == PACKS_PREFIX:
            for machine in range(self.machines):
                for place in range(self.points):
                    yield from self._packs_of(machine, place)
        elif prefix.startswith(PACKS_PREFIX):
            session = uuid.UUID(prefix.removeprefix(PACKS_PREFIX).rstrip("/"))
            yield from self._packs_of(session.time_low, session.time_mid)
        else:
            for name in sorted(self._objects):
                if name.startswith(prefix):
                    yield ObjectInfo(name, len(self._objects[name]), _WHEN)

    def _packs_of(self, machine: int, place: int) -> Iterator[ObjectInfo]:
        session = self.session(machine, place).bytes
        count = self._full if place == 0 else len(_LIVES)
        for ordinal in range(count):
            name = pack_name(session, ordinal.to_bytes(4, "little") + bytes(12))
            if name not in self._gone:
                yield ObjectInfo(name, PACK_BYTES, _WHEN)

    def _end_of_full(self, ordinal: int) -> int:
        return min(self.points, 1 + ordinal * self.points // self._full)

    def _count(self, operation: str, size_bytes: int) -> None:
        self.requests[operation] += 1
        self.bytes_moved += size_bytes

    def _write_ledgers(self) -> None:
        owner, ordinal, first, end = (self._rows[:, n].copy() for n in range(4))
        group: list[MachineUse] = []
        for machine in range(self.machines):
            sessions = [self.session(machine, place).bytes for place in range(self.points)]
            group.append(
                MachineUse(
                    f"machine-{machine}",
                    tuple(KnownPoint(one, _POINT_BYTES, _WHEN_US) for one in sessions),
                    tuple(sessions),
                    owner,
                    ordinal,
                    first,
                    end - 1,
                )
            )
            if len(group) == 64 or machine == self.machines - 1:
                name = f"{LEDGER_PREFIX}{machine:032x}"
                body = encode_ledger(group, 1)
                self._objects[name] = seal(Kind.LEDGER, name, body, KEY, REPOSITORY)
                group = []
