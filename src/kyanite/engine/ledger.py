"""The ledger: which packs the points of a machine need, kept from one cleaning to the next.

Points never change, so what one needs is noted once. The packs of a machine's points are
kept as runs: pack, first and last of the points that need it. A year of daily points needs
hardly more rows than there are packs (docs/format/objects.md, "Ledger").

A ledger is a cache. One that is missing or damaged is made anew from the points.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from kyanite.engine.format import ensure
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet

Column: TypeAlias = npt.NDArray[np.uint32]
Keys: TypeAlias = npt.NDArray[np.uint64]

_HEAD: Final = struct.Struct("<II")
_MACHINE: Final = struct.Struct("<IIII")
_POINT: Final = struct.Struct("<16sIQ")
_MOST_MACHINES: Final = 1 << 17
_MOST_NAME_BYTES: Final = 4096


class KnownPoint(NamedTuple):
    """A point in a ledger; size and time of its object tell it from any later one."""

    session_id: bytes
    size_bytes: int
    modified_us: int


@dataclass(frozen=True, slots=True)
class MachineUse:
    """The packs that the points of one machine need.

    Row *n*: the pack ``ordinal[n]`` of session ``owners[owner[n]]`` is needed by the points
    from ``first[n]`` to ``last[n]``, positions in ``points``.
    """

    machine_id: str
    points: tuple[KnownPoint, ...]
    owners: tuple[bytes, ...]
    owner: Column
    ordinal: Column
    first: Column
    last: Column

    @classmethod
    def empty(cls, machine_id: str) -> MachineUse:
        none = np.zeros(0, np.uint32)
        return cls(machine_id, (), (), none, none, none, none)

    def with_points(self, new: Iterable[tuple[KnownPoint, PackSet]]) -> MachineUse:
        """The same with further points behind the others."""
        owners = {owner: place for place, owner in enumerate(self.owners)}
        points = list(self.points)
        keys, first, last = self._keys(), self.first, self.last.copy()
        for known, packs in new:
            here = len(points)
            points.append(known)
            wanted = _keys_of(packs, owners)
            running = np.flatnonzero(last == here - 1) if here else np.zeros(0, np.intp)
            goes_on = running[np.isin(keys[running], wanted, assume_unique=True)]
            last[goes_on] = here
            fresh = np.setdiff1d(wanted, keys[goes_on], assume_unique=True)
            at = np.full(len(fresh), here, np.uint32)
            keys = np.concatenate((keys, fresh))
            first, last = np.concatenate((first, at)), np.concatenate((last, at))
        return MachineUse(
            self.machine_id,
            tuple(points),
            tuple(owners),
            (keys >> np.uint64(32)).astype(np.uint32),
            keys.astype(np.uint32),
            first,
            last,
        )

    def without(self, gone: Collection[bytes]) -> tuple[MachineUse, PackSet]:
        """The same without some points, and the packs that no other point here needs."""
        stays = np.array([point.session_id not in gone for point in self.points], bool)
        before = np.concatenate(([0], np.cumsum(stays))).astype(np.uint32)
        first, after = before[self.first], before[self.last + 1]
        alive = after > first
        keys = self._keys()
        dropped = np.setdiff1d(keys[~alive], keys[alive])
        used, owner = np.unique(self.owner[alive], return_inverse=True)
        return (
            MachineUse(
                self.machine_id,
                tuple(point for point in self.points if point.session_id not in gone),
                tuple(self.owners[place] for place in used),
                owner.astype(np.uint32),
                self.ordinal[alive],
                first[alive],
                (after[alive] - 1).astype(np.uint32),
            ),
            PackSet(self._numbers(dropped)),
        )

    def naming(self, packs: PackSet) -> Iterator[tuple[PackNumber, list[KnownPoint]]]:
        """Those of ``packs`` that points here name, and which points."""
        owners = {owner: place for place, owner in enumerate(self.owners)}
        here = PackSet(n for n in packs if n.session_id in owners)
        if not here:
            return
        keys = self._keys()
        for row in np.flatnonzero(np.isin(keys, _keys_of(here, owners))):
            span = slice(int(self.first[row]), int(self.last[row]) + 1)
            number = PackNumber(self.owners[self.owner[row]], int(self.ordinal[row]))
            yield number, list(self.points[span])

    def _keys(self) -> Keys:
        """Owner and ordinal of each row as one number."""
        return (self.owner.astype(np.uint64) << np.uint64(32)) | self.ordinal

    def _numbers(self, keys: Keys) -> Iterator[PackNumber]:
        for key in keys.tolist():
            yield PackNumber(self.owners[key >> 32], key & 0xFFFFFFFF)


def _keys_of(packs: PackSet, owners: dict[bytes, int]) -> Keys:
    """Sorted; sessions not met before get the next place in ``owners``."""
    parts = [
        np.fromiter(packs.ordinals(session_id), np.uint64)
        | np.uint64(owners.setdefault(session_id, len(owners)) << 32)
        for session_id in packs.sessions()
    ]
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)


def encode_ledger(machines: Sequence[MachineUse], age: int) -> bytes:
    """The body of a ledger. ``age``: cleanings since all packs were listed."""
    parts: list[bytes] = [_HEAD.pack(age, len(machines))]
    for one in machines:
        name = one.machine_id.encode()
        parts.append(_MACHINE.pack(len(name), len(one.points), len(one.owners), len(one.owner)))
        parts.append(name)
        parts += (_POINT.pack(*point) for point in one.points)
        parts += one.owners
        columns = (one.owner, one.ordinal, one.first, one.last)
        parts += (column.astype("<u4").tobytes() for column in columns)
    return b"".join(parts)


def decode_ledger(body: bytes) -> tuple[int, list[MachineUse]]:
    """Age and machines. Raises ``Damaged`` if counts or positions make no sense."""
    reader = _Bytes(body)
    age, count = _HEAD.unpack(reader.take(_HEAD.size))
    ensure(count <= _MOST_MACHINES, "A ledger has impossibly many machines.")
    machines: list[MachineUse] = []
    for _ in range(count):
        name_bytes, points, owners, rows = _MACHINE.unpack(reader.take(_MACHINE.size))
        ensure(name_bytes <= _MOST_NAME_BYTES, "A ledger names a machine impossibly long.")
        try:
            name = reader.take(name_bytes).decode()
        except UnicodeDecodeError:
            name = ""
        points_bytes = reader.take(_POINT.size * points)
        known = tuple(KnownPoint(*row) for row in _POINT.iter_unpack(points_bytes))
        ids = reader.take(16 * owners)
        owner, ordinal, first, last = (
            np.frombuffer(reader.take(4 * rows), "<u4").astype(np.uint32) for _ in range(4)
        )
        ensure(
            not rows
            or bool((owner < owners).all() and (first <= last).all() and (last < points).all()),
            "A ledger has rows that make no sense.",
        )
        machines.append(
            MachineUse(
                name,
                known,
                tuple(ids[at : at + 16] for at in range(0, len(ids), 16)),
                owner,
                ordinal,
                first,
                last,
            )
        )
    ensure(reader.at == len(body), "A ledger is longer than its counts say.")
    return age, machines


class _Bytes:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0

    def take(self, count: int) -> bytes:
        ensure(self.at + count <= len(self._body), "A ledger is cut short.")
        self.at += count
        return self._body[self.at - count : self.at]
