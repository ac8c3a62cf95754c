"""Copies points to another repository: another storage, other keys, only what is missing.

A copy is a backup whose source is a point. Every chunk is checked against its name when it
is read; what the destination has is found by its own names, and between two points of a
machine only what differs is read. The session of a copy begins with a stem that follows from
the point, so that the same copy run again goes on where it ended, or finds it done. The rest is
random: a session that was given up never comes again, and whoever still writes in it cannot
commit under the name of a later one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from blake3 import blake3

from kyanite.base.errors import Conflict, Missing, ObjectMissing, PointVoided
from kyanite.engine.backup import back_up
from kyanite.engine.catalog import exists, read_point
from kyanite.engine.control import Control, NoControl
from kyanite.engine.copies import open_copies
from kyanite.engine.differences import disk_differences
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.format import SESSIONS_PREFIX, id_of, point_name, session_name
from kyanite.engine.page_reader import PageReader
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.random_reader import RandomReader, ReadAhead
from kyanite.engine.randomness import draw
from kyanite.engine.ranges import RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.session import SessionTicket, read_registration

_MOST_ATTEMPTS: Final = 16


@dataclass(frozen=True, slots=True)
class CopiedPoint:
    """A point and its copy. ``there_before``: nothing had to be done."""

    point: Point
    copy: Point
    there_before: bool


def copy_points(
    source: Repository,
    destination: Repository,
    points: Sequence[Point],
    control: Control | None = None,
    parallelism: Parallelism | None = None,
    told: Callable[[CopiedPoint], None] | None = None,
) -> list[CopiedPoint]:
    """Copy ``points`` of ``source``, oldest first; ``told`` hears of each when it is done.

    Raises what reading the source and writing the destination raise; copies that are done
    by then stay, and the same call goes on behind them.
    """
    copying = _Copying(
        source, destination, control or NoControl(), parallelism or Parallelism.local()
    )
    done: list[CopiedPoint] = []
    for point in sorted(points, key=lambda one: (one.created_at, one.session_id)):
        done.append(copying.run(point))
        if told is not None:
            told(done[-1])
    return done


def copy_id(destination: Repository, source_id: bytes, session_id: str) -> str:
    """A new session that copies a point: a UUID of version 8 (jobs make those of version 5)."""
    context = b"copy" + source_id + id_of(session_id) + bytes(4)
    digest = blake3(context, key=destination.read_keys.id_key).digest()
    value = bytearray(digest[:8] + draw(8))
    value[6] = value[6] & 0x0F | 0x80
    value[8] = value[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(value)))


def _stem(session_id: str) -> str:
    """What all sessions that copy the same point begin with, and no others do."""
    return session_id[:19]


class _Copying:
    def __init__(
        self,
        source: Repository,
        destination: Repository,
        control: Control,
        parallelism: Parallelism,
    ) -> None:
        self._source = source
        self._destination = destination
        self._control = control
        self._parallelism = parallelism
        self._there = {_stem(point.session_id): point for point in destination.points()}
        self._by_copy: dict[str, Point] = {}  # session of the copy → the point it is of
        self._last: dict[str, str] = {}  # machine → session of its newest copy
        keys = source.read_keys
        self._copies = open_copies(source.storage, keys.maintenance_key, keys.repository_id)

    def run(self, point: Point) -> CopiedPoint:
        """The copy of a point, made now or found."""
        for _ in range(_MOST_ATTEMPTS):
            self._control.check()
            session_id = copy_id(self._destination, self._source.repository_id, point.session_id)
            begun = self._there.get(_stem(session_id)) or self._begun(_stem(session_id))
            if isinstance(begun, Point):
                return self._note(CopiedPoint(point, begun, there_before=True))
            session_id = begun or session_id
            ticket = self._ticket(point, session_id)
            if ticket is not None:
                try:
                    return self._note(self._copy(point, ticket))
                except (PointVoided, Missing):
                    if self._may_commit(ticket):
                        raise  # something of the source is missing
            # Given up by a cleaning, or its parent was deleted: another session begins anew.
            self._destination.abandon_session(session_id, "the copy begins anew")
        raise Conflict(
            f"The copy of {point.session_id} was given up {_MOST_ATTEMPTS} times; let no "
            "cleaning give up sessions while a copy runs."
        )

    def _begun(self, stem: str) -> Point | str | None:
        """The copy that somebody has made meanwhile, or the open session of one."""
        storage, keys = self._destination.storage, self._destination.read_keys
        structure = (keys.maintenance_key, keys.repository_id)
        begun = None
        for info in list(storage.list(f"{SESSIONS_PREFIX}{stem}")):
            session_id = info.name.removeprefix(SESSIONS_PREFIX)
            try:
                found = read_point(storage, session_id, *structure, keys.session_root_of)
            except ObjectMissing:
                begun = begun or session_id
                continue
            if found is not None:
                return found
        return begun

    def _note(self, copied: CopiedPoint) -> CopiedPoint:
        self._by_copy[copied.copy.session_id] = copied.point
        self._last[copied.point.machine_id] = copied.copy.session_id
        return copied

    def _ticket(self, point: Point, session_id: str) -> SessionTicket | None:
        """The session, as an earlier attempt has opened it, or new; none if its parent is gone."""
        keys = self._destination.read_keys
        parent = self._last.get(point.machine_id)
        with suppress(ObjectMissing):
            parent = read_registration(
                self._destination.storage, session_id, keys.maintenance_key, keys.repository_id
            ).parent
        if parent is not None and parent not in self._by_copy:
            return None
        try:
            return self._destination.open_session(session_id, point.machine_id, point.label, parent)
        except Missing:
            self._last.pop(point.machine_id)
            return None

    def _may_commit(self, ticket: SessionTicket) -> bool:
        """Whether the session is open still, and its parent there."""
        storage = self._destination.storage
        parent = ticket.parent
        return exists(storage, session_name(ticket.session_id)) and (
            not exists(storage, point_name(ticket.session_id))
            and (parent is None or exists(storage, session_name(parent)))
        )

    def _copy(self, point: Point, ticket: SessionTicket) -> CopiedPoint:
        before = None if ticket.parent is None else self._by_copy[ticket.parent]
        with ExitStack() as readers:
            disks = [
                self._input(disk, before.disk(disk.disk_id) if before else None, readers)
                for disk in point.disks
            ]
            result = back_up(
                self._destination.storage,
                self._destination.backup_keys(ticket),
                ticket,
                disks,
                point.recipe,
                self._control,
                self._parallelism,
                _MadeAt(point.created_at),
            )
        return CopiedPoint(point, result.point, result.committed_before)

    def _input(self, disk: PointDisk, before: PointDisk | None, readers: ExitStack) -> DiskInput:
        keys = self._source.read_keys
        limits = replace(ReadAhead(), threads=max(4, self._parallelism.fetches))
        reader = readers.enter_context(
            RandomReader(self._source.storage, keys, self._copies, disk, limits)
        )
        if before is None:
            allocated = reader.data_ranges()
            return DiskInput(disk.disk_id, disk.name, disk.size_bytes, reader, allocated=allocated)
        pages = PageReader(
            self._source.storage,
            self._copies.find_all,
            keys.maintenance_key,
            keys.repository_id,
            keys.id_key,
            self._copies.find_again,
        )
        changes = RangeList(disk_differences(before, disk, pages)).clip(disk.size_bytes)
        return DiskInput(disk.disk_id, disk.name, disk.size_bytes, reader, changes=changes)


class _MadeAt:
    """The clock of a copy stands where that of the point stood."""

    def __init__(self, created_at: str) -> None:
        try:
            time = datetime.fromisoformat(created_at)
        except ValueError:
            time = datetime(1970, 1, 1, tzinfo=UTC)
        self._time = time if time.tzinfo else time.replace(tzinfo=UTC)

    def now(self) -> datetime:
        return self._time
