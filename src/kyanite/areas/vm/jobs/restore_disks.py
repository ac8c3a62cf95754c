"""Restore of disks (docs/behaviour/virtual-machines.md, section 14.2).

To a new place they stay standalone. To the original place they take the positions of the old
ones at the machine, in one change of its configuration; only then are the old ones deleted.

Payload: ``pointId``, ``accountId``, and one of ``original`` (``{excludedDiskIds}``) and
``alternative`` (a list with ``diskId`` and the members of a disk target).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.vm.jobs import marks
from kyanite.areas.vm.jobs import restored_resources as resources
from kyanite.areas.vm.jobs.attempts import payload_text
from kyanite.areas.vm.jobs.restore_source import load_source
from kyanite.areas.vm.restore_targets import disk_target
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import disks as azure_disks
from kyanite.azure.compute import machines as azure_machines
from kyanite.base.azure_names import id_part
from kyanite.base.errors import AzureError, Interrupted, KyaniteError, LeaseLost, Rejected
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text, dig
from kyanite.durable.context import JobContext
from kyanite.rules.restore_plan import NAME_LENGTH, DiskPlan, DiskTarget, plan_disk
from kyanite.rules.swap_disks import attached_disks, swapped

RESTORE_DISKS: Final = "vm.restore_disks"


def restore_disks(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """The whole session."""
    point_id = payload_text(payload, "pointId")
    recipe = as_object(
        ctx.step("read the configuration", lambda: load_source(ctx, point_id).recipe)
    )
    account_id = payload_text(payload, "accountId")
    arm = ctx.provided(AzureAccess).arm_client(account_id).with_check(ctx.check)
    original = payload.get("original")
    if original is not None:
        plans = _original_plans(ctx, recipe, as_object(original))
    else:
        plans = _alternative_plans(ctx, recipe, payload)
    exchange = _Exchange(ctx, arm, recipe, plans)
    try:
        if original is not None:
            ctx.step("look at the machine", exchange.look)
        ctx.step("make the disks", lambda: _make(ctx, arm, point_id, plans))
        if original is not None:
            # The last moment to stop: a machine between two sets of disks helps nobody.
            ctx.step("begin to exchange", lambda: None)
            with ctx.uninterrupted(), ctx.line(f"Exchanging the disks of {exchange.name}"):
                ctx.step("exchange", exchange.run)
    except LeaseLost:
        raise
    except (KyaniteError, Interrupted) as error:
        if not ctx.will_retry(error):
            with ctx.uninterrupted():
                _undo(ctx, arm, plans)
        raise
    for plan in plans:
        ctx.restored(
            plan.target_id.lower(),
            name=plan.target_id.rsplit("/", 1)[-1],
            detail={
                "resourceGroupName": id_part(plan.target_id, "resourceGroups"),
                "regionName": plan.body.get("location"),
            },
        )
        with ctx.uninterrupted():
            resources.unmark(arm, plan.target_id, plan.body)
    return None


def _make(ctx: JobContext, arm: ArmClient, point_id: str, plans: Sequence[DiskPlan]) -> JsonValue:
    load_source(ctx, point_id).write_disks(ctx, arm, plans)
    return None


def _raw_disks(recipe: JsonObject) -> dict[str, JsonObject]:
    """The disks of the point, by lower-case id."""
    raw = [as_object(disk) for disk in as_list(recipe.get("disks"))]
    return {as_text(disk.get("id")).lower(): disk for disk in raw}


def _alternative_plans(ctx: JobContext, recipe: JsonObject, payload: JsonObject) -> list[DiskPlan]:
    disks = _raw_disks(recipe)
    plans = []
    for entry in (as_object(e) for e in as_list(payload.get("alternative"))):
        raw = disks.get(as_text(entry.get("diskId")).lower())
        if raw is None:
            raise Rejected(f"The restore point holds no disk {as_text(entry.get('diskId'))}")
        plans.append(plan_disk(raw, disk_target(entry), {marks.RESTORE_TAG: ctx.session_id}))
    return plans


def _original_plans(ctx: JobContext, recipe: JsonObject, original: JsonObject) -> list[DiskPlan]:
    """New disks beside the old ones, in the group of the machine."""
    excluded = {as_text(e).lower() for e in as_list(original.get("excludedDiskIds"))}
    group = id_part(as_text(dig(recipe, "machine", "id")), "resourceGroups")
    suffix = f"-{ctx.session_id[-8:]}"
    return [
        plan_disk(
            raw,
            DiskTarget(
                name=as_text(raw.get("name"))[: NAME_LENGTH - len(suffix)] + suffix,
                resource_group=group,
            ),
            {marks.RESTORE_TAG: ctx.session_id},
        )
        for disk_id, raw in _raw_disks(recipe).items()
        if disk_id not in excluded
    ]


@dataclass(frozen=True)
class _Exchange:
    """Restored disks take the places of the old ones at the machine."""

    ctx: JobContext
    arm: ArmClient
    recipe: JsonObject
    plans: Sequence[DiskPlan]

    @property
    def machine_id(self) -> str:
        """The machine that the point was made of."""
        return as_text(dig(self.recipe, "machine", "id"))

    @property
    def name(self) -> str:
        """Its name."""
        return self.machine_id.rsplit("/", 1)[-1]

    def look(self) -> JsonValue:
        """Whether the machine runs. ``Rejected`` when its disks cannot be exchanged."""
        machine = azure_machines.find(self.arm, self.machine_id)
        if machine is None:
            raise Rejected(
                f"Machine {self.name} does not exist any more; restore it, or its disks to a new "
                "location"
            )
        attached = attached_disks(machine)
        for plan in self.plans:
            if plan.source_id.lower() not in attached:
                raise Rejected(
                    f"{plan.source_id} is not at machine {self.name} any more; exclude it, or "
                    "restore it to a new location"
                )
        resources.refuse_locked(self.arm, [self.machine_id, *(p.source_id for p in self.plans)])
        view = azure_machines.instance_view(self.arm, self.machine_id)
        return azure_machines.power_state(view) == "running"

    def run(self) -> JsonValue:
        """Exchange the disks in one change, then delete the old ones. Harmless when repeated."""
        was_running = self.ctx.step("look at the machine", self.look) is True
        azure_machines.deallocate(self.arm, self.machine_id)
        try:
            machine = azure_machines.get(self.arm, self.machine_id)
            pairs = {plan.source_id.lower(): plan.target_id for plan in self.plans}
            # After a kill the exchange may have happened: then this changes nothing.
            azure_machines.create(self.arm, self.machine_id, swapped(machine, pairs))
        except KyaniteError as error:
            if was_running and not self.ctx.will_retry(error):
                azure_machines.start(self.arm, self.machine_id)
            raise
        for plan in self.plans:
            self._remove_old(plan.source_id)
        if was_running:
            azure_machines.start(self.arm, self.machine_id)
        return None

    def _remove_old(self, disk_id: str) -> None:
        """The machine has its disks: an old one that Azure does not let go is only said."""
        try:
            azure_disks.delete(self.arm, disk_id)
        except AzureError as error:
            if self.ctx.will_retry(error):
                raise
            self.ctx.warn(f"The replaced disk {disk_id} could not be deleted: {error}")


def _undo(ctx: JobContext, arm: ArmClient, plans: list[DiskPlan]) -> None:
    """Remove the new disks, except those the machine has already."""
    attached = {
        plan.target_id
        for plan in plans
        if as_text((arm.find(plan.target_id) or {}).get("managedBy"))
    }
    resources.undo(arm, [p.target_id for p in plans if p.target_id not in attached], ctx.session_id)
