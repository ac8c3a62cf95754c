"""What a restore reads from: a backup in a repository, or snapshots in Azure.

Either way the answer is a recipe and a way to get bytes onto new disks; the rest of a restore
does not know which of the two it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kyanite.areas.repositories import Repositories
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs import restored_resources as resources
from kyanite.areas.vm.jobs.disk_uploads import DiskUploads
from kyanite.areas.vm.jobs.transfer import with_movers
from kyanite.azure.arm import ArmClient
from kyanite.base.errors import Rejected
from kyanite.base.json_types import JsonObject, JsonValue, as_object, as_text
from kyanite.base.units import format_bytes
from kyanite.datamover.orders import RestoreOutcome
from kyanite.durable.context import JobContext
from kyanite.engine.point import Point
from kyanite.rules.restore_plan import DiskPlan
from kyanite.rules.sessions import SessionStatus


class RestoreSource(Protocol):
    """A restore point that disks can be made from."""

    @property
    def recipe(self) -> JsonObject:
        """Raw configuration of machine, disks, interfaces and addresses."""
        ...

    def write_disks(self, ctx: JobContext, arm: ArmClient, plans: Sequence[DiskPlan]) -> None:
        """Make the disks with their content. May run again after a kill; does each once."""
        ...


def load_source(ctx: JobContext, point_id: str) -> RestoreSource:
    """The source behind a restore point of the API. Raises ``NotFound``."""
    with ctx.database.reading() as db:
        row = points.get_point(db, point_id)
        snapshots = {
            disk.disk_azure_id.lower(): disk.azure_id
            for disk in points.disk_snapshots(db, point_id)
        }
    if row.destination != points.BACKUP:
        return SnapshotSource(as_object(row.recipe), snapshots)
    assert row.repository_id is not None
    assert row.engine_point_id is not None
    point = ctx.provided(Repositories).open(row.repository_id).read_point(row.engine_point_id)
    # The repository is the truth, also about the configuration.
    document = as_object(json.loads(point.recipe))
    return BackupSource(as_object(document.get("configuration")), row.repository_id, point)


@dataclass(frozen=True)
class SnapshotSource:
    """Snapshots in Azure, which makes disks from them by itself."""

    recipe: JsonObject
    snapshots: Mapping[str, str]
    """Lower-case disk id → id of its snapshot."""

    def write_disks(self, ctx: JobContext, arm: ArmClient, plans: Sequence[DiskPlan]) -> None:
        """See ``RestoreSource``."""
        ctx.step("write disks", lambda: self._make(ctx, arm, plans))

    def _make(self, ctx: JobContext, arm: ArmClient, plans: Sequence[DiskPlan]) -> JsonValue:
        for plan in plans:
            snapshot_id = self.snapshots.get(plan.source_id.lower())
            if snapshot_id is None:
                raise Rejected(f"The restore point holds no snapshot of {plan.source_id}")
            name = plan.target_id.rsplit("/", 1)[-1]
            with ctx.line(f"Creating disk {name} from its snapshot"):
                body = _from_snapshot(plan.body, snapshot_id)
                resources.make_disk(arm, plan.target_id, body, ctx.session_id)
        return None


@dataclass(frozen=True)
class BackupSource:
    """A point in a repository; a data mover uploads its bytes."""

    recipe: JsonObject
    repository_id: str
    point: Point

    def write_disks(self, ctx: JobContext, arm: ArmClient, plans: Sequence[DiskPlan]) -> None:
        """See ``RestoreSource``."""
        ctx.step("write disks", lambda: self._write(ctx, arm, plans).to_json())

    def _write(self, ctx: JobContext, arm: ArmClient, plans: Sequence[DiskPlan]) -> RestoreOutcome:
        total = sum(plan.size_bytes for plan in plans)
        uploads = DiskUploads(ctx, arm, self.repository_id, self.point, plans)
        text = f"Writing {len(plans)} disks of {format_bytes(total)}"
        with ctx.line(text) as line:
            outcome = with_movers(ctx, self.point.machine_id, uploads.write)
            line.end(
                SessionStatus.SUCCESS,
                f"{text}: {format_bytes(outcome.written_bytes)} of data, the rest are holes",
            )
        return outcome


def _from_snapshot(body: JsonObject, snapshot_id: str) -> JsonObject:
    """The body of a disk to upload, turned into that of a copy of a snapshot."""
    properties = {
        **as_object(body.get("properties")),
        "creationData": {"createOption": "Copy", "sourceResourceId": as_text(snapshot_id)},
    }
    return {**body, "properties": properties}
