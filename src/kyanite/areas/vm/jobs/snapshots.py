"""The snapshot session of a policy run.

``vm.snapshot`` chooses the machines, gives each to a child ``vm.snapshot_machine``, and releases
the backup session of the same run when there is one. Payload: ``policyId``, ``flags`` (those the
snapshots carry), ``scheduled``, ``backupSessionId`` (or null).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.appliance.settings import installation_id
from kyanite.areas.inventory import Machine, get_machine
from kyanite.areas.vm import points
from kyanite.areas.vm.choose import chosen_machines
from kyanite.areas.vm.jobs import marks
from kyanite.areas.vm.jobs.attempts import child_id, over_machines, payload_text
from kyanite.areas.vm.jobs.capture import (
    Capture,
    SnapshotPlan,
    read_recipe,
    remove_snapshots,
    take_snapshots,
)
from kyanite.areas.vm.jobs.orphaned_snapshots import remove_orphans
from kyanite.areas.vm.jobs.resource import machine_item
from kyanite.areas.vm.jobs.retire import retire_snapshots
from kyanite.areas.vm.policy_queries import get_policy
from kyanite.areas.vm.policy_settings import retry_count, snapshot_options, snapshots_to_keep
from kyanite.areas.vm.tables import DiskSnapshotRow, PolicyRow, RestorePointRow
from kyanite.azure import resources as azure_resources
from kyanite.azure.arm import ArmClient
from kyanite.base.errors import Cancelled
from kyanite.base.json_types import (
    JsonObject,
    JsonValue,
    as_int,
    as_list,
    as_object,
    as_text,
    as_text_map,
    dig,
)
from kyanite.durable.children import Child
from kyanite.durable.context import JobContext
from kyanite.rules.retention import Flag, format_flags
from kyanite.rules.sessions import SessionStatus

SNAPSHOT: Final = "vm.snapshot"
SNAPSHOT_MACHINE: Final = "vm.snapshot_machine"


def snapshot_policy(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """The whole session."""
    policy_id = payload_text(payload, "policyId")
    with ctx.database.reading() as db:
        policy = get_policy(db, policy_id)
        settings, policy_name = as_object(policy.settings), policy.name
    machine_ids = [as_text(m) for m in as_list(ctx.step("choose", lambda: _choose(ctx, policy_id)))]
    with ctx.database.reading() as db:
        items = [machine_item(get_machine(db, machine_id)) for machine_id in machine_ids]
    ctx.pending_items(items)
    ctx.log(
        f"Policy {policy_name}: {len(machine_ids)} machines selected"
        if machine_ids
        else f"Policy {policy_name} protects nothing: no machine matches its selection",
        key="selected",
    )
    backup_session_id = as_text(payload.get("backupSessionId"))

    def child(machine_id: str, attempt: int) -> Child:
        return Child(
            child_id(machine_id, attempt),
            SNAPSHOT_MACHINE,
            {
                "policyId": policy_id,
                "machineId": machine_id,
                "attempt": attempt,
                "flags": payload.get("flags"),
                "awaitsBackup": bool(backup_session_id),
            },
        )

    retries = retry_count(settings) if payload.get("scheduled") is True else 0
    results = over_machines(ctx, machine_ids, child, retries=retries)
    if machine_ids:
        with ctx.database.reading() as db:
            subscriptions = {get_machine(db, one).subscription_id for one in machine_ids}
        remove_orphans(ctx, policy.service_account_id, subscriptions)
    if backup_session_id:
        machines = [
            {
                "machineId": result.machine_id,
                "snapshotPointId": as_text(dig(result.result, "pointId")) or None,
            }
            for result in results
        ]
        with ctx.transaction() as db:
            ctx.release(db, backup_session_id, {"machines": machines})
    return None


def snapshot_machine(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """One machine: snapshots of its disks, a restore point, retention by count."""
    machine_id = payload_text(payload, "machineId")
    attempt = as_int(payload["attempt"])
    with ctx.database.reading() as db:
        policy = get_policy(db, payload_text(payload, "policyId"))
        machine = get_machine(db, machine_id)
    item = ctx.item(machine_item(machine), attempt=attempt, total_bytes=machine.total_size_bytes)
    arm = ctx.provided(AzureAccess).arm_client(policy.service_account_id).with_check(ctx.check)
    recipe = as_object(ctx.step("read configuration", lambda: _configuration(arm, machine)))
    point_id = marks.point_id(ctx.session_id, machine_id, attempt)
    plan = _snapshot_plan(ctx, policy, machine, recipe, point_id)
    flags = frozenset(Flag(as_text(flag)) for flag in as_list(payload.get("flags")))
    try:
        capture = _capture(ctx, arm, machine, plan)
        ctx.record(
            "record point",
            lambda db: _record(db, ctx, policy, machine, capture, recipe, point_id, flags),
        )
    except Cancelled:
        with ctx.uninterrupted():
            remove_snapshots(arm, [plan.snapshot_id(disk) for disk in plan.disks])
        raise
    item.set_moved(read=0, processed=machine.total_size_bytes, transferred=0)
    awaiting = frozenset({point_id}) if payload.get("awaitsBackup") is True else frozenset()
    retire_snapshots(
        ctx, machine_id, snapshots_to_keep(as_object(policy.settings)), awaiting_backup=awaiting
    )
    return {"pointId": point_id}


def _choose(ctx: JobContext, policy_id: str) -> JsonValue:
    with ctx.database.reading() as db:
        policy = get_policy(db, policy_id)
        machines, resolved = chosen_machines(db, policy)
        skipped = [
            (get_machine(db, machine_id), get_policy(db, owner).name)
            for machine_id, owner in resolved.skipped.items()
        ]
    for machine, owner_name in skipped:
        ctx.log(
            f"{machine.name} is left to policy {owner_name}, which has the higher priority",
            resource_id=machine.id,
        )
    return [machine.id for machine in machines]


def _configuration(arm: ArmClient, machine: Machine) -> JsonValue:
    """The recipe of the machine, and whether its region has zones (section 1.3)."""
    recipe = read_recipe(arm, machine.azure_id)
    region = as_text(dig(recipe, "machine", "location")).lower()
    zoned = any(
        as_text(location.get("name")).lower() == region
        and as_list(location.get("availabilityZoneMappings"))
        for location in azure_resources.locations(arm, machine.subscription_id)
    )
    return {**recipe, "zoneRedundant": zoned}


def _snapshot_plan(
    ctx: JobContext, policy: PolicyRow, machine: Machine, recipe: JsonObject, point_id: str
) -> SnapshotPlan:
    options = snapshot_options(as_object(policy.settings))
    with ctx.database.reading() as db:
        appliance_id = installation_id(db)
    own_tags = marks.snapshot_tags(appliance_id, ctx.session_id, point_id, machine.id)
    disks = tuple(as_object(disk) for disk in as_list(recipe.get("disks")))
    return SnapshotPlan(
        disks=disks,
        names={
            disk_id: marks.snapshot_name(ctx.job_id, disk_id)
            for disk_id in (as_text(disk.get("id")) for disk in disks)
        },
        tags={
            as_text(disk.get("id")): {
                **(as_text_map(disk.get("tags")) if options.copy_original_tags else {}),
                **options.additional_tags,
                **own_tags,
            }
            for disk in disks
        },
        zone_redundant=recipe.get("zoneRedundant") is True,
    )


def _capture(ctx: JobContext, arm: ArmClient, machine: Machine, plan: SnapshotPlan) -> Capture:
    count = len(plan.disks)
    with ctx.line(f"Snapshots of {count} disks of {machine.name}", resource_id=machine.id) as line:
        stored = ctx.step(
            "take snapshots",
            lambda: take_snapshots(
                arm, plan, lambda why: ctx.log(f"Waiting: {why}", resource_id=machine.id)
            ).to_json(),
        )
        capture = Capture.from_json(as_object(stored))
        line.end(
            SessionStatus.SUCCESS,
            f"Snapshots of {count} disks of {machine.name} taken, "
            f"{capture.skew_seconds:.1f} seconds apart",
        )
    return capture


def _record(
    db: Session,
    ctx: JobContext,
    policy: PolicyRow,
    machine: Machine,
    capture: Capture,
    recipe: JsonObject,
    point_id: str,
    flags: frozenset[Flag],
) -> JsonValue:
    points.remember_machine(db, machine, policy.service_account_id)
    points.put_snapshot_point(
        db,
        RestorePointRow(
            id=point_id,
            machine_id=machine.id,
            destination=points.SNAPSHOT,
            kind="Unknown",
            state="NotApplicable",
            point_in_time=capture.taken_at,
            flags=format_flags(flags),
            policy_id=policy.id,
            policy_name=policy.name,
            retention={},
            job_session_id=ctx.session_id,
            backup_size_bytes=0,
            region=machine.region,
            recipe=recipe,
        ),
        [
            DiskSnapshotRow(
                id=disk.snapshot_id.lower(),
                point_id=point_id,
                azure_id=disk.snapshot_id,
                disk_azure_id=disk.disk_id,
                disk_unique_id=disk.disk_unique_id,
                disk_name=disk.disk_name,
                size_bytes=disk.size_bytes,
                created_at=disk.taken_at,
            )
            for disk in capture.disks
        ],
    )
    return None
