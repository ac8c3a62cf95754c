"""Traces: a second mark of every point, so that one that was taken away is missed.

Put after the point, removed first when the point is deleted. A trace that stands alone says
that somebody else removed its point (docs/format/order.md, "Traces").
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from kyanite.base.errors import ObjectExists
from kyanite.base.json_types import as_text
from kyanite.engine.format import TRACES_PREFIX, Kind, is_session_id
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.listing import listed
from kyanite.engine.point import Point
from kyanite.engine.sealed_object import fetch, seal, unseal
from kyanite.engine.storage.base import Storage


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a point without the point."""

    session_id: str
    machine_id: str
    label: str
    created_at: str


def trace_name(session_id: str) -> str:
    return f"{TRACES_PREFIX}{session_id}"


def put_trace(storage: Storage, point: Point, maintenance_key: bytes, repository_id: bytes) -> None:
    """Leave the trace of a committed point; one that is there already is fine."""
    name = trace_name(point.session_id)
    body = to_json_bytes(
        {
            "session_id": point.session_id,
            "machine_id": point.machine_id,
            "label": point.label,
            "created_at": point.created_at,
        }
    )
    with suppress(ObjectExists):
        storage.put(name, seal(Kind.TRACE, name, body, maintenance_key, repository_id))


def read_trace(
    storage: Storage, session_id: str, maintenance_key: bytes, repository_id: bytes
) -> Trace:
    """Raises ``ObjectMissing``, ``Damaged``."""
    name = trace_name(session_id)
    data = fetch(storage, name)
    body = from_json_bytes(name, unseal(Kind.TRACE, name, data, maintenance_key, repository_id))
    return Trace(
        session_id,
        as_text(body.get("machine_id")),
        as_text(body.get("label")),
        as_text(body.get("created_at")),
    )


def list_traces(storage: Storage) -> frozenset[str]:
    """The sessions that have a trace."""
    names = (info.name.removeprefix(TRACES_PREFIX) for info in listed(storage, TRACES_PREFIX))
    return frozenset(name for name in names if is_session_id(name))
