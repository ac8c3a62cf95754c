"""What dashboards and the licence ask about machines, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from kyanite.areas.inventory.tables import MachineRow
from kyanite.areas.vm.points import BACKUP, MANUAL_SNAPSHOT, SNAPSHOT
from kyanite.areas.vm.protected_list import is_offered
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.http.pages import Paging

_BY_POLICIES: Final = (SNAPSHOT, BACKUP)


@dataclass(frozen=True)
class PolicyProtected:
    """A machine that policies protect, and when they last made a restore point of it."""

    machine_id: str
    name: str
    last_point_at: datetime


def machines_discovered(db: Session) -> int:
    """How many machines there are in Azure now, as far as the accounts see."""
    statement = select(func.count()).select_from(MachineRow).where(MachineRow.removed_at.is_(None))
    return db.scalar(statement) or 0


def machines_with_points_since(db: Session, since: datetime) -> int:
    """How many of the machines discovered got a restore point since a moment."""
    statement = (
        select(func.count(RestorePointRow.machine_id.distinct()))
        .join(MachineRow, MachineRow.id == RestorePointRow.machine_id)
        .where(RestorePointRow.point_in_time >= since, MachineRow.removed_at.is_(None))
    )
    return db.scalar(statement) or 0


def count_snapshots(db: Session) -> int:
    """How many snapshots people see, of policies and manual ones."""
    statement = select(func.count()).where(
        RestorePointRow.destination.in_((SNAPSHOT, MANUAL_SNAPSHOT)), is_offered()
    )
    return db.scalar(statement) or 0


def backup_bytes_by_tier(db: Session) -> Mapping[str, int]:
    """Access tier → what backups there added to their repositories, in bytes."""
    rows = db.execute(
        select(RestorePointRow.access_tier, func.sum(RestorePointRow.backup_size_bytes))
        .where(RestorePointRow.destination == BACKUP)
        .group_by(RestorePointRow.access_tier)
    )
    return {tier or "Hot": int(size) for tier, size in rows}


def count_policy_protected(db: Session, since: datetime, pattern: str | None = None) -> int:
    """How many machines have a restore point of a policy from since then."""
    found = _policy_protected(since, pattern).subquery()
    return db.scalar(select(func.count()).select_from(found)) or 0


def policy_protected(
    db: Session, since: datetime, pattern: str | None, paging: Paging
) -> list[PolicyProtected]:
    """The machines with a restore point of a policy from since then, by name, then id."""
    ordered = _policy_protected(since, pattern).order_by(
        func.lower(ProtectedMachineRow.name), ProtectedMachineRow.id
    )
    return [
        PolicyProtected(machine_id, name, newest)
        for machine_id, name, newest in db.execute(paging.applied(ordered))
    ]


def _policy_protected(since: datetime, pattern: str | None) -> Select[str, str, datetime]:
    statement = (
        select(
            ProtectedMachineRow.id,
            ProtectedMachineRow.name,
            func.max(RestorePointRow.point_in_time),
        )
        .join(RestorePointRow, RestorePointRow.machine_id == ProtectedMachineRow.id)
        .where(
            RestorePointRow.destination.in_(_BY_POLICIES), RestorePointRow.point_in_time >= since
        )
        .group_by(ProtectedMachineRow.id, ProtectedMachineRow.name)
    )
    if pattern:
        statement = statement.where(ProtectedMachineRow.name.icontains(pattern, autoescape=True))
    return statement
