"""Deletion of restore points, on demand and by age.

Backups are deleted in their repositories first and forgotten afterwards; the space they alone
used is given back before the session ends, unless another session is writing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from kyanite.areas.repositories import Repositories
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs.attempts import payload_text
from kyanite.areas.vm.jobs.resource import protected_item
from kyanite.areas.vm.jobs.retire import remove_snapshot_point
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.base.errors import Locked, NotFound
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.base.units import format_bytes
from kyanite.durable.context import JobContext
from kyanite.engine.repository import Repository
from kyanite.rules.sessions import SessionStatus

DELETE_BACKUPS: Final = "vm.delete_backups"
DELETE_SNAPSHOTS: Final = "vm.delete_snapshots"
DELETE_POINT: Final = "vm.delete_point"

_AT_A_TIME: Final = 200


def delete_backups(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """All backups of a machine. Payload: ``machineId``, ``tier`` (All, NonArchive, Archive)."""
    tier = payload.get("tier")
    with ctx.database.reading() as db:
        chosen = [
            point.id
            for point in points.points_of(db, payload_text(payload, "machineId"), points.BACKUP)
            if tier in (None, "All") or (point.access_tier == "Archive") == (tier == "Archive")
        ]
    remove_backups(ctx, chosen)
    return None


def delete_snapshots(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """All policy snapshots of a machine. Payload: ``machineId``."""
    with ctx.database.reading() as db:
        chosen = [
            point.id
            for point in points.points_of(db, payload_text(payload, "machineId"), points.SNAPSHOT)
        ]
    for point_id in chosen:
        remove_snapshot(ctx, point_id)
    return None


def delete_point(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """One restore point of either kind. Payload: ``pointId``."""
    point_id = payload_text(payload, "pointId")
    try:
        with ctx.database.reading() as db:
            destination = points.get_point(db, point_id).destination
    except NotFound:
        return None  # an earlier attempt has removed it
    if destination == points.BACKUP:
        remove_backups(ctx, [point_id])
    else:
        remove_snapshot(ctx, point_id)
    return None


def remove_backups(ctx: JobContext, point_ids: Sequence[str]) -> None:
    """Delete backups and give back the space that only they used. May run again."""
    with ctx.database.reading() as db:
        by_repository: dict[str, list[RestorePointRow]] = defaultdict(list)
        for point_id in point_ids:
            point = db.get(RestorePointRow, point_id)
            if point is not None and point.repository_id is not None:
                by_repository[point.repository_id].append(point)
    repositories = ctx.provided(Repositories)
    for repository_id, found in by_repository.items():
        rows = _unlocked(ctx, found)
        if not rows:
            continue
        repository = repositories.open_for_writing(repository_id, check=ctx.check)
        with ctx.database.reading() as db:
            name = repositories.facts(db, repository_id).name
        with ctx.line(f"Deleting {len(rows)} restore points in {name}") as line:
            ctx.check()
            deleted = 0
            for some in _batches(rows):
                # Somebody may take the repository over while many points are deleted.
                repositories.confirm_ours(repository_id, check=ctx.check)
                for row in _deleted(ctx, repository, some):
                    _forget(ctx, row, name)
                    deleted += 1
            report = repository.clean()
            waiting = (
                f"; the rest when {len(report.waiting_for)} other sessions have ended"
                if report.waiting_for
                else ""
            )
            line.end(
                SessionStatus.SUCCESS,
                f"{deleted} restore points deleted in {name}, "
                f"{format_bytes(report.freed_bytes)} given back{waiting}",
            )


def _batches(rows: Sequence[RestorePointRow]) -> list[Sequence[RestorePointRow]]:
    return [rows[start : start + _AT_A_TIME] for start in range(0, len(rows), _AT_A_TIME)]


def _deleted(
    ctx: JobContext, repository: Repository, rows: Sequence[RestorePointRow]
) -> Sequence[RestorePointRow]:
    """Delete points in the repository; those that went, as one may be locked all the same."""
    try:
        repository.delete_points([row.engine_point_id for row in rows if row.engine_point_id])
        return rows
    except Locked:
        gone = []
    for row in rows:
        try:
            repository.delete_points([row.engine_point_id] if row.engine_point_id else [])
            gone.append(row)
        except Locked as error:
            ctx.warn(str(error), key=f"immutable {row.id}")
    return gone


def _unlocked(ctx: JobContext, rows: Sequence[RestorePointRow]) -> list[RestorePointRow]:
    """Those that are not immutable now; the others stay, with a warning."""
    now = ctx.clock.now()
    free = []
    for row in rows:
        if row.immutable_until is not None and row.immutable_until > now:
            ctx.warn(
                f"The restore point {row.id} of {row.point_in_time:%Y-%m-%d %H:%M} stays: it is "
                f"immutable until {row.immutable_until:%Y-%m-%d %H:%M} UTC",
                key=f"immutable {row.id}",
            )
        else:
            free.append(row)
    return free


def _forget(ctx: JobContext, row: RestorePointRow, repository_name: str) -> None:
    with ctx.database.reading() as db:
        machine = db.get(ProtectedMachineRow, row.machine_id)
        if machine is None:
            return  # a look at the repository has noticed meanwhile that its points are gone
        resource = protected_item(machine)
    ctx.deleted(
        row.id,
        resource,
        detail={
            "backupSizeBytes": row.backup_size_bytes,
            "snapshotTime": row.point_in_time.isoformat(),
            "repositoryId": row.repository_id,
            "repositoryName": repository_name,
        },
    )
    with ctx.transaction() as db:
        points.remove_point(db, row.id)


def remove_snapshot(ctx: JobContext, point_id: str) -> None:
    """Remove a snapshot point and list it among what was deleted. May run again."""
    with ctx.database.reading() as db:
        row = db.get(RestorePointRow, point_id)
        machine = db.get(ProtectedMachineRow, row.machine_id) if row else None
    if row is None or machine is None:
        return
    ctx.check()
    if remove_snapshot_point(ctx, point_id):
        ctx.deleted(
            point_id,
            protected_item(machine),
            detail={
                "backupSizeBytes": None,
                "snapshotTime": row.point_in_time.isoformat(),
                "repositoryId": None,
                "repositoryName": None,
            },
        )
