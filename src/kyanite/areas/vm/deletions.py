"""Removing restore points on request: the sessions that do it.

Rules: docs/behaviour/virtual-machines.md, section 12.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.areas.vm import points
from kyanite.areas.vm.jobs.deletion import DELETE_BACKUPS, DELETE_POINT, DELETE_SNAPSHOTS
from kyanite.areas.vm.protected_list import count_points, get_protected_machine
from kyanite.areas.vm.tables import RestorePointRow
from kyanite.base.errors import PointLocked
from kyanite.base.json_types import JsonObject
from kyanite.db.uses import Thing, forget_user, users_of
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.start import NewSession, start_session
from kyanite.rules.sessions import ACTIVE

POINT_USED_KIND: Final = "vm-restore-point"
"""The kind under which restore points stand in the table of uses."""
SESSION_USER_KIND: Final = "session"

_TYPES: Final = {
    points.BACKUP: "BackupDeletion",
    points.SNAPSHOT: "SnapshotDeletion",
    points.MANUAL_SNAPSHOT: "ManualSnapshotDeletion",
}


def delete_backups(db: Session, machine_id: str, tier: str, initiator: str) -> str | None:
    """Start removing the backups of a machine; None when there are none of that tier."""
    machine = get_protected_machine(db, machine_id)
    if not count_points(db, machine.id, points.BACKUP, tier=tier):
        return None
    payload: JsonObject = {"machineId": machine.id, "tier": tier}
    return _start(db, points.BACKUP, DELETE_BACKUPS, payload, initiator)


def delete_snapshots(db: Session, machine_id: str, initiator: str) -> str | None:
    """Start removing the policy snapshots of a machine; None when there are none."""
    machine = get_protected_machine(db, machine_id)
    if not count_points(db, machine.id, points.SNAPSHOT):
        return None
    payload: JsonObject = {"machineId": machine.id}
    return _start(db, points.SNAPSHOT, DELETE_SNAPSHOTS, payload, initiator)


def delete_point(db: Session, point_id: str, initiator: str, now: datetime) -> str:
    """Start removing one point.

    Raises NotFound, or PointLocked while it is immutable or a session reads it.
    """
    point = points.get_point(db, point_id)
    if point.immutable_until is not None and point.immutable_until > now:
        raise PointLocked(
            f"The restore point {point_id} is immutable until "
            f"{point.immutable_until:%Y-%m-%d %H:%M} UTC; nobody can delete it before."
        )
    reading = sessions_reading(db, point_id)
    if reading:
        raise PointLocked(
            f"The restore point {point_id} is in use by the session {reading[0]}; "
            "wait for its end or stop it."
        )
    payload: JsonObject = {"pointId": point_id}
    return _start(db, point.destination, DELETE_POINT, payload, initiator, point)


def sessions_reading(db: Session, point_id: str) -> list[str]:
    """Sessions at work that restore from the point; those that have ended are forgotten."""
    users = users_of(db, Thing(POINT_USED_KIND, point_id), user_kind=SESSION_USER_KIND)
    if not users:
        return []
    at_work = set(
        db.scalars(
            select(SessionRow.id).where(
                SessionRow.id.in_([user.id for user in users]),
                SessionRow.status.in_([status.value for status in ACTIVE]),
            )
        )
    )
    for user in users:
        if user.id not in at_work:
            forget_user(db, user)
    return sorted(at_work)


def _start(
    db: Session,
    destination: str,
    job: str,
    payload: JsonObject,
    initiator: str,
    point: RestorePointRow | None = None,
) -> str:
    return start_session(
        db,
        NewSession(
            type=_TYPES[destination],
            job=job,
            payload=payload,
            initiator=initiator,
            repository_id=point.repository_id if point else None,
        ),
    )
