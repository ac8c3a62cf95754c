"""Retention of snapshots: what is over its count goes, the reference of the next backup stays.

docs/behaviour/virtual-machines.md, section 8.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs.capture import remove_snapshots
from kyanite.areas.vm.tables import ProtectedMachineRow
from kyanite.base.errors import AzureError
from kyanite.durable.context import JobContext
from kyanite.rules.retention import Flag, Point, by_count, format_flags, parse_flags
from kyanite.rules.sessions import SessionStatus


def retire_snapshots(
    ctx: JobContext,
    machine_id: str,
    keep: Mapping[Flag, int],
    *,
    awaiting_backup: frozenset[str] = frozenset(),
) -> None:
    """Apply the counts of ``keep`` to the policy snapshots of a machine.

    ``awaiting_backup`` names snapshot points that a backup is still to be read from. May run any
    number of times.
    """
    for point_id in _apply_counts(ctx, machine_id, keep, awaiting_backup):
        remove_snapshot_point(ctx, point_id)


def remove_snapshot_point(ctx: JobContext, point_id: str) -> bool:
    """Delete the disk snapshots of a point, then forget it; whether that succeeded.

    A snapshot that Azure does not let go (a lock, for instance) keeps its record, and the
    session says so.
    """
    with ctx.database.reading() as db:
        point = points.get_point(db, point_id)
        machine = db.get(ProtectedMachineRow, point.machine_id)
        assert machine is not None
        name, resource_id, taken = machine.name, machine.id, point.point_in_time
        account_id = machine.service_account_id
        snapshot_ids = [disk.azure_id for disk in points.disk_snapshots(db, point_id)]
    if account_id is None:
        ctx.warn(f"The snapshot of {name} of {taken:%F %R} stays: no service account reaches it")
        return False
    arm = ctx.provided(AzureAccess).arm_client(account_id).with_check(ctx.check)
    try:
        remove_snapshots(arm, snapshot_ids)
    except AzureError as error:
        ctx.warn(f"The snapshot of {name} of {taken:%F %R} could not be removed: {error}")
        return False
    with ctx.transaction() as db:
        points.remove_point(db, point_id)
    ctx.log(
        f"The snapshot of {name} of {taken:%F %R} was removed",
        SessionStatus.SUCCESS,
        resource_id=resource_id,
    )
    return True


def _apply_counts(
    ctx: JobContext, machine_id: str, keep: Mapping[Flag, int], awaiting: frozenset[str]
) -> list[str]:
    """Take the flags that are over their count; the points that are left without any use."""
    with ctx.transaction() as db:
        rows = points.points_of(db, machine_id, points.SNAPSHOT)
        decisions = by_count(
            [Point(r.id, r.point_in_time, parse_flags(r.flags)) for r in rows], keep
        )
        for decision in decisions:
            points.set_flags(db, decision.point_id, format_flags(decision.keeps))
        needed = points.reference_snapshots(db, machine_id) | awaiting
        return [row.id for row in rows if row.flags == points.NO_FLAGS and row.id not in needed]
