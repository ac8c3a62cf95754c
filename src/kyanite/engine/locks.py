"""Locks: everything a point needs stays until its time, whoever asks (docs/format/order.md).

An object is locked until the last point that needs it may go. What points share is locked
to the end of a step, so that each live pack is extended at most once per step however many
points come. What is reported was read back from the storage, never what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from kyanite.base.errors import Invalid, ObjectMissing
from kyanite.engine.condemned import pack_of_name
from kyanite.engine.control import Control
from kyanite.engine.format import (
    INDEX_PREFIX,
    KEYS_PREFIX,
    PACKS_PREFIX,
    POINTS_PREFIX,
    REPOSITORY_NAME,
    RINGS_PREFIX,
    SESSIONS_PREFIX,
    TRACES_PREFIX,
    point_name,
    session_name,
    text_of,
)
from kyanite.engine.lock_needs import LockNeeds, lock_needs
from kyanite.engine.moves import Moves
from kyanite.engine.pack import PackNumber
from kyanite.engine.point import Point
from kyanite.engine.storage.base import Storage, Version, VersionedStorage, versions_of
from kyanite.engine.storage.wrapper import no_versions
from kyanite.engine.threads import parallel_map

_AT_ONCE: Final = 256
_LONGEST: Final = timedelta(days=100 * 365)

# What points share, in the order it is locked; what announces a point comes last.
_SHARED_PREFIXES: Final = (PACKS_PREFIX, INDEX_PREFIX, KEYS_PREFIX, RINGS_PREFIX)
_OWN_PREFIXES: Final = (TRACES_PREFIX, SESSIONS_PREFIX, POINTS_PREFIX)


@dataclass(frozen=True, slots=True)
class Drift:
    """An object whose lock is not what a point was promised. ``found`` ``None``: no lock."""

    name: str
    wanted: datetime
    found: datetime | None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class PointLock:
    """A point: until when it was to be protected, and until when the storage says it is."""

    session_id: str
    label: str
    wanted: datetime | None
    protected_until: datetime | None


@dataclass(frozen=True, slots=True)
class LockReport:
    """What the storage says. ``overwritten``: names under which somebody put other bytes."""

    points: tuple[PointLock, ...]
    extended: int
    drift: tuple[Drift, ...]
    overwritten: tuple[str, ...]


def lock_points(
    storage: Storage,
    points: Sequence[Point],
    moves: Sequence[Moves],
    until: Mapping[str, datetime],
    now: datetime,
    control: Control,
) -> LockReport:
    """Lock what ``points`` need: until what they carry, and until ``until`` (by session id).

    ``moves``: where packs that points name have been moved to; locked like what is shared.
    May be repeated and interrupted: it asks what is locked before it locks. Raises
    ``StorageDenied`` where nothing can be locked, ``Invalid`` for a time no lock is for.
    """
    versioned = _versioned(storage)
    if any(not now < end <= now + _LONGEST for end in until.values()):
        raise Invalid("A lock ends in the future, and within a hundred years.")
    wanted = lock_needs(points, moves, until)
    extended = 0
    for prefixes in (_SHARED_PREFIXES, (REPOSITORY_NAME,), *((one,) for one in _OWN_PREFIXES)):
        for prefix in prefixes:
            extended += _extend(versioned, prefix, wanted, control)
    return _report(versioned, points, wanted, extended, control)


def report_locks(
    storage: Storage, points: Sequence[Point], moves: Sequence[Moves], control: Control
) -> LockReport:
    """What is locked, against what the points carry. Changes nothing."""
    return _report(_versioned(storage), points, lock_needs(points, moves, {}), 0, control)


def _extend(storage: VersionedStorage, prefix: str, wanted: LockNeeds, control: Control) -> int:
    """Lock the objects below ``prefix`` whose locks are too short; returns how many."""

    def lock(need: tuple[str, datetime]) -> int:
        try:
            storage.lock_until(*need)
        except ObjectMissing:
            return 0  # deleted since the listing; the report says whom that hurts
        return 1

    short = _too_short(storage.versions(prefix), wanted)
    extended = 0
    while batch := list(islice(short, _AT_ONCE)):
        control.check()
        extended += sum(parallel_map(lock, batch))
    return extended


def _too_short(versions: Iterable[Version], wanted: LockNeeds) -> Iterator[tuple[str, datetime]]:
    for version in versions:
        need = wanted.of(version.name) if version.current else None
        if need and (version.locked_until is None or version.locked_until < need):
            yield version.name, need


def _report(
    storage: VersionedStorage,
    points: Sequence[Point],
    wanted: LockNeeds,
    extended: int,
    control: Control,
) -> LockReport:
    drift: list[Drift] = []
    seen: dict[str, int] = {}
    overwritten: list[str] = []
    by_pack: dict[PackNumber, datetime | None] = {}
    by_name: dict[str, datetime | None] = {}
    shared: list[datetime | None] = []
    for prefix in (*_SHARED_PREFIXES, REPOSITORY_NAME, *_OWN_PREFIXES):
        control.check()
        seen.clear()
        for version in storage.versions(prefix):
            seen[version.name] = seen.get(version.name, 0) + 1
            if not version.current:
                continue
            if seen[version.name] > 1:
                overwritten.append(version.name)
            found, need = version.locked_until, wanted.of(version.name)
            if need and (found is None or found < need):
                drift.append(Drift(version.name, need, found))
            pack = pack_of_name(version.name) if prefix == PACKS_PREFIX else None
            if pack is not None:
                by_pack[pack.number] = _earlier(by_pack, pack.number, found)
            elif prefix in _OWN_PREFIXES:
                by_name[version.name] = found
            else:
                shared.append(found)
    drift += [
        Drift(name, need, None, missing=True) for name, need in _missing(wanted, by_pack, by_name)
    ]
    locks = [
        PointLock(
            point.session_id,
            point.label,
            wanted.by_point.get(point.session_id),
            _least(
                [
                    *shared,
                    *(
                        by_pack.get(number)
                        for named in point.packs()
                        for number in wanted.places(named, by_pack)
                    ),
                    by_name.get(session_name(point.session_id)),
                    by_name.get(point_name(point.session_id)),
                ]
            ),
        )
        for point in points
    ]
    return LockReport(tuple(locks), extended, tuple(drift), tuple(overwritten))


def _missing(
    wanted: LockNeeds,
    by_pack: Mapping[PackNumber, datetime | None],
    by_name: Mapping[str, datetime | None],
) -> Iterator[tuple[str, datetime]]:
    """What a point needs and the storage does not show. A trace may be missing: it is a copy."""
    for number, need in wanted.by_pack.items():
        if number not in by_pack and number not in wanted.moved:
            session, ordinal = text_of(number.session_id), number.ordinal
            yield f"{PACKS_PREFIX}{session}/{ordinal.to_bytes(4, 'little').hex()}…", need
    for name, need in wanted.by_name.items():
        if name not in by_name and not name.startswith(TRACES_PREFIX):
            yield name, need


def _earlier(
    known: Mapping[PackNumber, datetime | None], number: PackNumber, found: datetime | None
) -> datetime | None:
    """Of two packs of one number, the lock that ends first."""
    return _least([known[number], found]) if number in known else found


def _least(ends: Iterable[datetime | None]) -> datetime | None:
    found = list(ends)
    if any(end is None for end in found):
        return None
    return min((end for end in found if end is not None), default=None)


def _versioned(storage: Storage) -> VersionedStorage:
    versioned = versions_of(storage)
    if versioned is None:
        raise no_versions()
    return versioned
