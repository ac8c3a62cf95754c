"""How well machines are protected, and what their backups take in repositories."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.repositories.queries import list_repositories
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.http.measures import Measure

_WINDOW: Final = timedelta(hours=24)
_BACKUP: Final = "AzureBlob"
_CORRUPTED: Final = "Corrupted"
# The flags of a snapshot that is no restore point, only what the next backup compares with.
_REFERENCE: Final = "None"


def measures(db: Session, now: datetime) -> list[Measure]:
    """Age of the newest good point of each machine, size and growth of each repository."""
    return [_ages(db, now), *_sizes(db, now)]


def _ages(db: Session, now: datetime) -> Measure:
    newest = db.execute(
        select(
            ProtectedMachineRow.id,
            ProtectedMachineRow.name,
            RestorePointRow.destination,
            func.max(RestorePointRow.point_in_time),
        )
        .join(RestorePointRow, RestorePointRow.machine_id == ProtectedMachineRow.id)
        .where(RestorePointRow.state != _CORRUPTED, RestorePointRow.flags != _REFERENCE)
        .group_by(ProtectedMachineRow.id, ProtectedMachineRow.name, RestorePointRow.destination)
    )
    return Measure(
        "kyanite_last_restore_point_age_seconds",
        "Age of the newest good restore point of each protected item, by where it lies.",
        ("kind", "item", "id", "destination"),
        [
            (("virtual machine", name, id_, destination), (now - at).total_seconds())
            for id_, name, destination, at in newest
        ],
    )


def _sizes(db: Session, now: datetime) -> list[Measure]:
    backups = (
        select(
            RestorePointRow.repository_id,
            func.sum(RestorePointRow.backup_size_bytes),
            func.count(),
        )
        .where(RestorePointRow.destination == _BACKUP)
        .group_by(RestorePointRow.repository_id)
    )
    sizes = {id_: (size, count) for id_, size, count in db.execute(backups)}
    recent = backups.where(RestorePointRow.point_in_time >= now - _WINDOW)
    added = {id_: size for id_, size, _ in db.execute(recent)}
    repositories = list_repositories(db)
    labels = ("repository", "id", "tier")
    names = {one.id: (one.name, one.id, one.tier) for one in repositories}
    return [
        Measure(
            "kyanite_repository_size_bytes",
            "What the restore points in a repository have added to it.",
            labels,
            [(names[id_], float(sizes.get(id_, (0, 0))[0])) for id_ in names],
        ),
        Measure(
            "kyanite_repository_restore_points",
            "How many restore points a repository holds.",
            labels,
            [(names[id_], float(sizes.get(id_, (0, 0))[1])) for id_ in names],
        ),
        Measure(
            "kyanite_repository_added_bytes_last_24_hours",
            "What restore points of the last 24 hours have added to a repository.",
            labels,
            [(names[id_], float(added.get(id_, 0))) for id_ in names],
        ),
        Measure(
            "kyanite_repository_ready",
            "1 when a repository can be written to, else 0.",
            labels,
            [
                (names[one.id], float(one.status == "Ready" and not one.has_another_owner))
                for one in repositories
            ],
        ),
    ]
