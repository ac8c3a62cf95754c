"""What the life of a repository means for machines: points found in it, points gone with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories import Repositories
from kyanite.areas.vm import points, policy_queries
from kyanite.areas.vm.jobs import marks
from kyanite.areas.vm.jobs.backups import BACKUP_MACHINE
from kyanite.areas.vm.recipes import KIND
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text, storable
from kyanite.durable.children import open_children
from kyanite.engine.point import Point

POLICY_USER_KIND: Final = "vm-policy"
"""The kind under which these policies stand in the table of uses."""
POLICY_TYPE: Final = "VirtualMachines"


class MachinesFollower:
    """A ``RepositoryFollower`` for virtual machines."""

    user_kind = POLICY_USER_KIND
    policy_type = POLICY_TYPE

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories

    def policy_names(self, db: Session, policy_ids: Collection[str]) -> Mapping[str, str]:
        """Names of policies by id."""
        return policy_queries.policy_names(db, policy_ids)

    def import_points(self, db: Session, repository_id: str, found: Sequence[Point]) -> int:
        """Enter the machine points that are not known yet; how many they were.

        They have no snapshot to compare with: what a database knows of snapshots that is older
        than the point would be a guess, so the next backup reads everything.
        """
        facts = self._repositories.facts(db, repository_id)
        imported = 0
        for point in found:
            document = _document(point)
            if document.get("kind") != KIND or points.is_known(db, point.session_id):
                continue
            _remember(db, as_object(document.get("summary")))
            policy = as_object(document.get("policy"))
            known_policy = policy_queries.find_policy(db, as_text(policy.get("id")))
            db.add(
                RestorePointRow(
                    id=point.session_id,
                    machine_id=point.machine_id,
                    destination=points.BACKUP,
                    kind=point.kind,
                    state="Ok",
                    point_in_time=datetime.fromisoformat(as_text(document.get("takenAt"))),
                    flags=as_text(document.get("flags")) or points.NO_FLAGS,
                    policy_id=known_policy.id if known_policy else None,
                    policy_name=as_text(policy.get("name")),
                    retention=as_object(document.get("retention")),
                    job_session_id=point.session_id,
                    repository_id=repository_id,
                    engine_point_id=point.session_id,
                    backup_size_bytes=point.stored_bytes,
                    region=facts.region,
                    access_tier=facts.tier,
                    immutable_until=_promised(point) if facts.immutability_enabled else None,
                    recipe=as_object(document.get("configuration")),
                )
            )
            imported += 1
        db.flush()
        return imported

    def show_locks(
        self, db: Session, repository_id: str, ends: Mapping[str, datetime | None]
    ) -> None:
        """Keep until when backups are locked."""
        del repository_id
        points.note_locks(db, ends)

    def show_hurt(self, db: Session, repository_id: str, hurt: Collection[str]) -> None:
        """Points that cannot be restored whole are corrupted, the others are not any more."""
        points.set_states(db, repository_id, hurt)

    def known_points(self, db: Session, repository_id: str) -> set[str]:
        """The points that are entered for a repository."""
        return points.engine_points_in(db, repository_id)

    def forget_gone(self, db: Session, repository_id: str, point_ids: Collection[str]) -> int:
        """Drop what is known of points that are not in the repository any more."""
        gone = [
            row for row in points.backups_in(db, repository_id) if row.engine_point_id in point_ids
        ]
        for row in gone:
            points.remove_point(db, row.id)
        return len(gone)

    def writing_sessions(self, db: Session, repository_id: str) -> set[str]:
        """The points that backup jobs which have not ended are making, or will make."""
        return {
            marks.point_id(session_id, as_text(payload.get("machineId")), attempt)
            for session_id, payload in open_children(db, BACKUP_MACHINE)
            if payload.get("repositoryId") == repository_id
            and isinstance(attempt := payload.get("attempt"), int)
        }

    def forget_points(self, db: Session, repository_id: str) -> None:
        """Drop what is known of the points of a repository that is unregistered."""
        for row in points.backups_in(db, repository_id):
            points.remove_point(db, row.id)


def _promised(point: Point) -> datetime | None:
    """Until when the point was to be locked; the upkeep reads back what is."""
    return datetime.fromisoformat(point.lock_until) if point.lock_until else None


def _document(point: Point) -> JsonObject:
    """The recipe of a point; empty for one that this area did not write."""
    try:
        return as_object(storable(json.loads(point.recipe)))
    except ValueError:
        return {}


def _remember(db: Session, summary: JsonObject) -> None:
    """A machine known only from its backups; one that is known better stays as it is."""
    machine_id = as_text(summary.get("machineId"))
    if db.get(ProtectedMachineRow, machine_id) is not None:
        return
    db.add(
        ProtectedMachineRow(
            id=machine_id,
            azure_id=as_text(summary.get("azureId")),
            name=as_text(summary.get("name")),
            os_type=as_text(summary.get("osType")),
            region=as_text(summary.get("region")),
            subscription_id=as_text(summary.get("subscriptionId")),
            resource_group=as_text(summary.get("resourceGroup")),
            tenant_id=as_text(summary.get("tenantId")),
            vm_size=as_text(summary.get("vmSize")),
            zone=as_text(summary.get("zone")) or None,
            total_size_gib=as_int(summary.get("totalSizeGib")),
            service_account_id=None,
        )
    )
    db.flush()
