"""Deleting points: at once for those who look, and noted for cleaning.

The note names the packs that the point needed: where cleaning has to look for space, so
that its work follows what was deleted and not the size of the repository. It is a hint:
without it the space is found when all packs are listed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from kyanite.base.errors import EngineError, ObjectExists, ObjectMissing
from kyanite.base.json_types import as_object
from kyanite.engine.catalog import read_closed
from kyanite.engine.format import EXPIRED_PREFIX, Kind, is_session_id, point_name, session_name
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.listing import listed
from kyanite.engine.moves import Moves
from kyanite.engine.pack_set import PackSet
from kyanite.engine.point import Point
from kyanite.engine.sealed_object import fetch, seal, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.traces import trace_name


@dataclass(frozen=True, slots=True)
class Expired:
    """The note of a deletion. ``packs``: ``None`` where the point could not be read."""

    session_id: str
    packs: PackSet | None


def expired_name(session_id: str) -> str:
    return f"{EXPIRED_PREFIX}{session_id}"


def delete_point(
    storage: Storage, session_id: str, maintenance_key: bytes, repository_id: bytes
) -> bool:
    """Delete the point (or void) of a session. ``False``: there is none, nothing was done."""
    packs: PackSet | None = None
    try:
        found = read_closed(storage, session_id, maintenance_key, repository_id)
    except ObjectMissing:
        return False
    except EngineError:
        found = None  # a damaged point can be deleted like any other
    if isinstance(found, Moves):
        return False
    if isinstance(found, Point):
        packs = found.packs()
    storage.delete(trace_name(session_id))
    name = expired_name(session_id)
    body = to_json_bytes({} if packs is None else {"packs": packs.to_json()})
    with suppress(ObjectExists):  # an earlier attempt, or a point that had this name before
        storage.put(name, seal(Kind.EXPIRED, name, body, maintenance_key, repository_id))
    storage.delete(session_name(session_id))  # the moment of the deletion
    storage.delete(point_name(session_id))
    return True


def list_expired(storage: Storage) -> list[str]:
    names = (info.name.removeprefix(EXPIRED_PREFIX) for info in listed(storage, EXPIRED_PREFIX))
    return [name for name in names if is_session_id(name)]


def read_expired(
    storage: Storage, session_id: str, maintenance_key: bytes, repository_id: bytes
) -> Expired:
    """A note; one that is damaged or gone says that nothing is known."""
    name = expired_name(session_id)
    try:
        data = unseal(Kind.EXPIRED, name, fetch(storage, name), maintenance_key, repository_id)
        packs = from_json_bytes(name, data).get("packs")
        return Expired(session_id, None if packs is None else PackSet.from_json(as_object(packs)))
    except (EngineError, ObjectMissing):
        return Expired(session_id, None)
