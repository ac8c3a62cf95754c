"""Restore points with their filters, newest first, as the contract shows them.

Rules: docs/behaviour/virtual-machines.md, section 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased
from starlette.requests import Request

from kyanite.areas.inventory import region_names
from kyanite.areas.vm.points import BACKUP
from kyanite.areas.vm.protected_list import NOTHING_RETRIEVED, is_offered
from kyanite.areas.vm.tables import DiskSnapshotRow, ProtectedMachineRow, RestorePointRow
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text
from kyanite.contract.models.virtual_machine_restore_point import GetRestorePointPageQuery
from kyanite.http.answers import wire_time
from kyanite.http.links import self_link
from kyanite.http.pages import Found, Paging, found
from kyanite.rules.region_time_zones import local_time

CORRUPTED = "Corrupted"
# A client that repeats a time it was shown may have cut its fraction.
_SAME_MOMENT = timedelta(seconds=1)


def restore_points(db: Session, query: GetRestorePointPageQuery) -> Found[RestorePointRow]:
    """One page of the points that pass all filters."""
    statement = _offered(_machine_key(query.virtual_machine_id))
    if query.point_in_time is not None:
        statement = statement.where(
            RestorePointRow.point_in_time > query.point_in_time - _SAME_MOMENT,
            RestorePointRow.point_in_time < query.point_in_time + _SAME_MOMENT,
        )
    if query.storage_access_tier:
        tiers = [tier.value for tier in query.storage_access_tier]
        statement = statement.where(RestorePointRow.access_tier.in_(tiers))
    retrieved = {status.value for status in query.data_retrieval_statuses or ()}
    if retrieved and NOTHING_RETRIEVED not in retrieved:
        return Found(0, [])  # this version retrieves nothing
    if query.immutability_enabled is not None:
        locked = RestorePointRow.immutable_until.is_not(None)
        statement = statement.where(locked if query.immutability_enabled else ~locked)
    if query.only_latest:
        statement = statement.where(RestorePointRow.id.in_(_newest_of_each()))
    if query.disk_id:
        return _with_disk(db, statement, query.disk_id, Paging.of(query))
    return found(db, statement, Paging.of(query))


def configurations(
    db: Session, point_id: str | None, machine_id: str | None
) -> list[RestorePointRow]:
    """The points whose saved configuration is asked for: one, or the newest of each machine."""
    statement = _offered(_machine_key(machine_id))
    if point_id is not None:
        return list(db.scalars(statement.where(RestorePointRow.id == point_id)))
    return list(db.scalars(statement.where(RestorePointRow.id.in_(_newest_of_each()))))


def point_wires(
    db: Session, request: Request, points: Sequence[RestorePointRow]
) -> list[JsonObject]:
    """`VirtualMachineRestorePoint`s; a few statements for any number of points."""
    names = region_names(db, {point.region for point in points})
    machines = {
        row.id: row
        for row in db.scalars(
            select(ProtectedMachineRow).where(
                ProtectedMachineRow.id.in_({point.machine_id for point in points})
            )
        )
    }
    newest_sizes = _newest_backup_sizes(db, {point.machine_id for point in points})
    return [
        _point_wire(
            request,
            point,
            machines[point.machine_id],
            names.get(point.region, point.region),
            newest_sizes.get((point.machine_id, point.repository_id)),
        )
        for point in points
    ]


def _point_wire(
    request: Request,
    point: RestorePointRow,
    machine: ProtectedMachineRow,
    region_name: str,
    newest_size: int | None,
) -> JsonObject:
    is_backup = point.destination == BACKUP
    return {
        "id": point.id,
        "type": point.kind if is_backup else "Unknown",
        "vbrId": None,
        "pointInTime": wire_time(point.point_in_time),
        "pointInTimeLocalTime": local_time(point.point_in_time, machine.region).isoformat(),
        "backupSizeBytes": point.backup_size_bytes,
        "isCorrupted": point.state == CORRUPTED,
        "vmName": machine.name,
        "resourceHashId": machine.id,
        "regionId": point.region,
        "regionName": region_name,
        "backupDestination": point.destination,
        "state": point.state,
        "gfsFlags": point.flags,
        "jobSessionId": point.job_session_id,
        "dataRetrievalStatus": NOTHING_RETRIEVED,
        "retrievedDataExpirationDate": None,
        "notifyBeforeRetrievedDataExpirationHours": None,
        "immutableTill": wire_time(point.immutable_until) if point.immutable_until else None,
        "accessTier": point.access_tier if is_backup else None,
        "latestChainSizeBytes": newest_size if is_backup else None,
        "_links": self_link(request, f"/restorePoints/virtualMachines/{point.id}"),
    }


def _machine_key(machine_id: str | None) -> str | None:
    if machine_id and machine_id.startswith("/"):
        return system_id(machine_id)
    return machine_id.lower() if machine_id else None


def _offered(machine_id: str | None) -> Select[RestorePointRow]:
    statement = (
        select(RestorePointRow)
        .where(is_offered())
        .order_by(RestorePointRow.point_in_time.desc(), RestorePointRow.id.desc())
    )
    return statement.where(RestorePointRow.machine_id == machine_id) if machine_id else statement


def _newest_of_each() -> Select[str]:
    """Ids of the newest offered point of each machine."""
    rank = (
        func.row_number()
        .over(
            partition_by=RestorePointRow.machine_id,
            order_by=(RestorePointRow.point_in_time.desc(), RestorePointRow.id.desc()),
        )
        .label("rank")
    )
    ranked = select(RestorePointRow.id, rank).where(is_offered()).subquery()
    return select(ranked.c.id).where(ranked.c.rank == 1)


def _newest_backup_sizes(db: Session, machine_ids: set[str]) -> dict[tuple[str, str | None], int]:
    """(machine, repository) → size of the newest backup there."""
    later = aliased(RestorePointRow)
    rows = db.execute(
        select(
            RestorePointRow.machine_id,
            RestorePointRow.repository_id,
            RestorePointRow.backup_size_bytes,
        ).where(
            RestorePointRow.machine_id.in_(machine_ids),
            RestorePointRow.destination == BACKUP,
            ~select(later.id)
            .where(
                later.machine_id == RestorePointRow.machine_id,
                later.repository_id == RestorePointRow.repository_id,
                later.destination == BACKUP,
                later.point_in_time > RestorePointRow.point_in_time,
            )
            .exists(),
        )
    )
    return {(row.machine_id, row.repository_id): row.backup_size_bytes for row in rows}


def _with_disk(
    db: Session, statement: Select[RestorePointRow], disk_id: str, paging: Paging
) -> Found[RestorePointRow]:
    """Points that hold a disk. Backups name their disks in the recipe, so this looks at each."""
    wanted = disk_id.lower()
    in_snapshots = set(
        db.scalars(
            select(DiskSnapshotRow.point_id).where(
                func.lower(DiskSnapshotRow.disk_azure_id) == wanted
            )
        )
    )
    holding = [
        point
        for point in db.scalars(statement)
        if point.id in in_snapshots or wanted in _disk_ids(point)
    ]
    return Found(len(holding), paging.cut(holding))


def _disk_ids(point: RestorePointRow) -> set[str]:
    return {
        as_text(as_object(disk).get("id")).lower()
        for disk in as_list(as_object(point.recipe).get("disks"))
    }
