"""What sessions and points a repository has.

A point counts only while its session object exists (docs/format/order.md, invariant 4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.engine.format import (
    POINTS_PREFIX,
    SESSIONS_PREFIX,
    Kind,
    is_session_id,
    point_name,
)
from kyanite.engine.listing import listed
from kyanite.engine.moves import Moves, decode_moves
from kyanite.engine.point import Point, RootOf, decode_point
from kyanite.engine.sealed_object import fetch, kind_of, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map, together


@dataclass(frozen=True, slots=True)
class Catalog:
    """Names in the order of a listing: sessions, and sessions with a point or a void."""

    sessions: frozenset[str]
    closed: frozenset[str]

    @property
    def open(self) -> frozenset[str]:
        """Sessions that may still commit."""
        return self.sessions - self.closed

    @property
    def announced(self) -> list[str]:
        """Sessions that may have a point that counts (or a void), oldest first."""
        return sorted(self.sessions & self.closed)


def list_sessions(storage: Storage) -> frozenset[str]:
    return _names(storage, SESSIONS_PREFIX)


def list_closed(storage: Storage) -> frozenset[str]:
    """Sessions under whose name there is a point or a void."""
    return _names(storage, POINTS_PREFIX)


def read_catalog(storage: Storage) -> Catalog:
    """Both listings, at the same time: for showing, not for cleaning (order matters there)."""
    sessions, closed = together(lambda: list_sessions(storage), lambda: list_closed(storage))
    return Catalog(sessions, closed)


def read_point(
    storage: Storage,
    session_id: str,
    maintenance_key: bytes,
    repository_id: bytes,
    root_of: RootOf | None = None,
) -> Point | None:
    """The point of a session, ``None`` for a void or moves.

    Raises ``ObjectMissing``, ``Damaged``.
    """
    found = read_closed(storage, session_id, maintenance_key, repository_id, root_of)
    return found if isinstance(found, Point) else None


def read_closed(
    storage: Storage,
    session_id: str,
    maintenance_key: bytes,
    repository_id: bytes,
    root_of: RootOf | None = None,
) -> Point | Moves | None:
    """What closes a session: its point, its moves, or a void (``None``).

    Each is opened: what only says that it is a void would have cleaning take a point for none.
    Raises ``ObjectMissing``, ``Damaged``.
    """
    name = point_name(session_id)
    data = fetch(storage, name)
    kind = kind_of(name, data)
    if kind is Kind.VOID:
        unseal(Kind.VOID, name, data, maintenance_key, repository_id)
        return None
    if kind is Kind.MOVES:
        return decode_moves(session_id, data, maintenance_key, repository_id)
    return decode_point(session_id, data, maintenance_key, repository_id, root_of)


def read_points(
    storage: Storage,
    session_ids: list[str],
    maintenance_key: bytes,
    repository_id: bytes,
    root_of: RootOf | None = None,
    skip_damaged: Callable[[str, EngineError], None] | None = None,
) -> list[Point]:
    """The points of these sessions; voids and points deleted meanwhile are left out.

    A point that cannot be read raises its error, or is given to ``skip_damaged``.
    """

    def read(session_id: str) -> Point | None:
        try:
            return read_point(storage, session_id, maintenance_key, repository_id, root_of)
        except ObjectMissing:
            return None
        except EngineError as error:
            if skip_damaged is None:
                raise
            skip_damaged(session_id, error)
            return None

    return [point for point in parallel_map(read, session_ids) if point is not None]


def exists(storage: Storage, name: str) -> bool:
    """Asked for by name: the answer does not come from a listing."""
    try:
        storage.size(name)
    except ObjectMissing:
        return False
    return True


def _names(storage: Storage, prefix: str) -> frozenset[str]:
    names = (info.name.removeprefix(prefix) for info in listed(storage, prefix))
    return frozenset(name for name in names if is_session_id(name))
