"""Every SQL statement that jobs run on restore points, disk snapshots and protected machines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from kyanite.areas.inventory import Machine
from kyanite.areas.vm.tables import DiskSnapshotRow, ProtectedMachineRow, RestorePointRow
from kyanite.base.errors import NotFound
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.sessions import ACTIVE

SNAPSHOT = "Snapshot"
BACKUP = "AzureBlob"
MANUAL_SNAPSHOT = "ManualSnapshot"
NO_FLAGS = "None"
_IDS_AT_ONCE = 500
OK = "Ok"
CORRUPTED = "Corrupted"


def get_point(db: Session, point_id: str) -> RestorePointRow:
    """One restore point. Raises ``NotFound``."""
    point = db.get(RestorePointRow, point_id)
    if point is None:
        raise NotFound(f"There is no restore point {point_id}")
    return point


def points_of(db: Session, machine_id: str, destination: str) -> Sequence[RestorePointRow]:
    """The points of a machine with this destination, oldest first."""
    return db.scalars(
        select(RestorePointRow)
        .where(RestorePointRow.machine_id == machine_id, RestorePointRow.destination == destination)
        .order_by(RestorePointRow.point_in_time, RestorePointRow.id)
    ).all()


def latest_backup(
    db: Session, machine_id: str, repository_id: str, before: str
) -> RestorePointRow | None:
    """The newest usable backup of a machine in a repository: the parent of the point ``before``.

    That one may be there itself: a backup that was killed after its commit runs again, and by
    then a look into the repository may have entered its point.
    """
    return db.scalars(
        select(RestorePointRow)
        .where(
            RestorePointRow.machine_id == machine_id,
            RestorePointRow.destination == BACKUP,
            RestorePointRow.repository_id == repository_id,
            RestorePointRow.state == "Ok",
            RestorePointRow.id != before,
        )
        .order_by(RestorePointRow.point_in_time.desc(), RestorePointRow.id.desc())
        .limit(1)
    ).one_or_none()


def snapshots_to_read(
    db: Session, machine_id: str, repository_id: str, snapshot_point_id: str, before: str = ""
) -> set[str]:
    """Every snapshot (ARM ids) that a backup from a snapshot point reads, for all it may build on:
    as `latest_backup`."""
    latest = latest_backup(db, machine_id, repository_id, before)
    parent_id = latest.snapshot_point_id if latest is not None else None
    return {
        disk.azure_id
        for point_id in (snapshot_point_id, parent_id or "")
        for disk in disk_snapshots(db, point_id)
    }


def reference_snapshots(db: Session, machine_id: str) -> set[str]:
    """The snapshot points behind the newest backup in each repository.

    They are kept until a newer backup has succeeded (docs/behaviour/virtual-machines.md,
    section 8.1.3).
    """
    newest: dict[str | None, str | None] = {}
    for point in points_of(db, machine_id, BACKUP):
        newest[point.repository_id] = point.snapshot_point_id
    return {point_id for point_id in newest.values() if point_id}


def disk_snapshots(db: Session, point_id: str) -> Sequence[DiskSnapshotRow]:
    """The disk snapshots of a snapshot point, by disk."""
    return db.scalars(
        select(DiskSnapshotRow)
        .where(DiskSnapshotRow.point_id == point_id)
        .order_by(DiskSnapshotRow.disk_name, DiskSnapshotRow.id)
    ).all()


def backups_in(db: Session, repository_id: str) -> Sequence[RestorePointRow]:
    """All backups in a repository, oldest first."""
    return db.scalars(
        select(RestorePointRow)
        .where(
            RestorePointRow.destination == BACKUP, RestorePointRow.repository_id == repository_id
        )
        .order_by(RestorePointRow.point_in_time, RestorePointRow.id)
    ).all()


def engine_points_in(db: Session, repository_id: str) -> set[str]:
    """The engine's ids of all backups in a repository."""
    found = db.scalars(
        select(RestorePointRow.engine_point_id).where(
            RestorePointRow.repository_id == repository_id,
            RestorePointRow.engine_point_id.is_not(None),
        )
    )
    return {point_id for point_id in found if point_id}


def hand_to_policy(db: Session, machine_id: str, repository_id: str, policy_id: str) -> None:
    """Imported backups of a machine follow the policy that protects it now.

    Its retention replaces what was saved with them (docs/behaviour/repositories.md, section 5).
    """
    db.execute(
        update(RestorePointRow)
        .where(
            RestorePointRow.machine_id == machine_id,
            RestorePointRow.repository_id == repository_id,
            RestorePointRow.destination == BACKUP,
            RestorePointRow.policy_id.is_(None),
        )
        .values(policy_id=policy_id)
    )


def repositories_with_backups(db: Session) -> list[str]:
    """The repositories that hold any backup of a machine."""
    found = db.scalars(select(RestorePointRow.repository_id).distinct())
    return sorted(repository_id for repository_id in found if repository_id)


def snapshots_taken_before(db: Session, moment: datetime) -> list[str]:
    """The snapshot points of policies from before a moment, oldest first."""
    return list(
        db.scalars(
            select(RestorePointRow.id)
            .where(RestorePointRow.destination == SNAPSHOT, RestorePointRow.point_in_time < moment)
            .order_by(RestorePointRow.point_in_time, RestorePointRow.id)
        )
    )


def protected_subscriptions(db: Session) -> dict[str, set[str]]:
    """Service accounts that reach protected machines, and the subscriptions these are in."""
    places: dict[str, set[str]] = {}
    row = ProtectedMachineRow
    for account_id, subscription_id in db.execute(
        select(row.service_account_id, row.subscription_id).distinct()
    ):
        if account_id is not None:
            places.setdefault(account_id, set()).add(subscription_id)
    return places


def wanted_snapshots(
    db: Session, point_ids: Collection[str], session_ids: Collection[str]
) -> set[str]:
    """Those of the points that are known, and those of the sessions that are still at work."""
    known = db.scalars(select(RestorePointRow.id).where(RestorePointRow.id.in_(point_ids)))
    at_work = db.scalars(
        select(SessionRow.id).where(SessionRow.id.in_(session_ids), SessionRow.status.in_(ACTIVE))
    )
    return {*known, *at_work}


def remember_machine(db: Session, machine: Machine, account_id: str) -> None:
    """Note what is known of a machine that gets a restore point."""
    row = db.get(ProtectedMachineRow, machine.id)
    if row is None:
        row = ProtectedMachineRow(id=machine.id)
        db.add(row)
    row.azure_id = machine.azure_id
    row.name = machine.name
    row.os_type = machine.os_type
    row.region = machine.region
    row.subscription_id = machine.subscription_id
    row.resource_group = machine.resource_group
    row.tenant_id = machine.tenant_id
    row.vm_size = machine.vm_size
    row.zone = machine.zone
    row.total_size_gib = machine.total_size_gib
    row.service_account_id = account_id
    db.flush()


def put_snapshot_point(
    db: Session, point: RestorePointRow, disks: Sequence[DiskSnapshotRow]
) -> None:
    """Insert a snapshot point with its disks; one that is there already stays."""
    if db.get(RestorePointRow, point.id) is None:
        db.add(point)
        db.flush()
        db.add_all(disks)
        db.flush()


def note_locks(db: Session, ends: Mapping[str, datetime | None]) -> None:
    """Keep until when backups are locked, by the ids of their points in the repository."""
    ids = sorted(ends)
    for start in range(0, len(ids), _IDS_AT_ONCE):
        wanted = RestorePointRow.engine_point_id.in_(ids[start : start + _IDS_AT_ONCE])
        for row in db.scalars(select(RestorePointRow).where(wanted)):
            row.immutable_until = ends[row.engine_point_id or ""]


def remove_point(db: Session, point_id: str) -> None:
    """Forget a restore point, and its machine when that was the last one."""
    point = db.get(RestorePointRow, point_id)
    if point is None:
        return
    machine_id = point.machine_id
    db.execute(delete(DiskSnapshotRow).where(DiskSnapshotRow.point_id == point_id))
    db.delete(point)
    db.flush()
    left = select(exists().where(RestorePointRow.machine_id == machine_id))
    if not db.execute(left).scalar_one():
        db.execute(delete(ProtectedMachineRow).where(ProtectedMachineRow.id == machine_id))


def set_states(db: Session, repository_id: str, hurt: Collection[str]) -> None:
    """Of the backups in a repository, those in ``hurt`` (the engine's ids) are corrupted."""
    for row in backups_in(db, repository_id):
        state = CORRUPTED if row.engine_point_id in hurt else OK
        if row.state != state:
            row.state = state
    db.flush()


def set_flags(db: Session, point_id: str, flags: str) -> None:
    """Change the flags that a point holds."""
    point = db.get(RestorePointRow, point_id)
    if point is not None:
        point.flags = flags


def is_after(moment: datetime | None, than: datetime) -> bool:
    """Whether ``moment`` is set and later than ``than``."""
    return moment is not None and moment > than


def is_known(db: Session, engine_point_id: str) -> bool:
    """Whether a point of a repository is among the restore points."""
    known = select(RestorePointRow.id).where(RestorePointRow.engine_point_id == engine_point_id)
    return db.execute(known).first() is not None
