"""Restore of a whole machine (docs/behaviour/virtual-machines.md, section 14.1).

To a new place: disks, interfaces, machine. To its old place: when nothing is left there, the
same; when the machine or one of its disks still exists, the disks are written in a staging group
first, and only when every byte is there are the old ones deleted and the new ones moved in.

Payload: ``pointId``, ``accountId``, ``start``, ``target`` (null for the old place).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.vm.jobs import marks
from kyanite.areas.vm.jobs import restored_resources as resources
from kyanite.areas.vm.jobs.attempts import payload_text
from kyanite.areas.vm.jobs.restore_source import RestoreSource, load_source
from kyanite.areas.vm.restore_targets import machine_target
from kyanite.azure import resources as azure_resources
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import disks as azure_disks
from kyanite.azure.compute import machines as azure_machines
from kyanite.base.azure_names import id_part
from kyanite.base.errors import Interrupted, KyaniteError, LeaseLost, Rejected
from kyanite.base.json_types import JsonObject, JsonValue, as_object, as_text, dig
from kyanite.durable.context import JobContext
from kyanite.rules.restore_plan import DiskPlan, MachinePlan, plan_machine

RESTORE_MACHINE: Final = "vm.restore_machine"


def restore_machine(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """The whole session."""
    source = load_source(ctx, payload_text(payload, "pointId"))
    account_id = payload_text(payload, "accountId")
    arm = ctx.provided(AzureAccess).arm_client(account_id).with_check(ctx.check)
    target = payload.get("target")
    plan = plan_machine(
        source.recipe,
        machine_target(as_object(target)) if target is not None else None,
        {marks.RESTORE_TAG: ctx.session_id},
    )
    restore = _Restore(ctx, arm, source, plan, start=payload.get("start") is True)
    try:
        restore.run(in_place=target is None)
    except LeaseLost:
        raise
    except (KyaniteError, Interrupted) as error:
        if not ctx.will_retry(error):
            with ctx.uninterrupted():
                restore.undo()
        raise
    return None


@dataclass
class _Restore:
    """One restore on its way."""

    ctx: JobContext
    arm: ArmClient
    source: RestoreSource
    plan: MachinePlan
    start: bool
    staging: bool = False
    replacing: bool = False
    """Whether the old machine may be gone already."""
    made: bool = False
    """Whether the machine is complete: then nothing is undone any more."""

    def run(self, *, in_place: bool) -> None:
        """All steps, each finished one skipped after a takeover."""
        ctx = self.ctx
        looked = ctx.step("look at the target", lambda: self._look(in_place=in_place))
        self.staging = looked is True
        ctx.step("make the disks", self._make_disks)
        if not self.staging:
            self._make_machine(in_place=in_place)
            return
        # The last moment to stop. From here on only the end leaves a whole machine.
        ctx.step("begin to replace", lambda: None)
        self.replacing = True
        with ctx.uninterrupted():
            with ctx.line("Replacing the machine and its disks"):
                ctx.step("replace", self._replace)
            self._make_machine(in_place=in_place)

    def undo(self) -> None:
        """Remove what was made; not from a place whose old machine is gone already."""
        if self.made:
            return
        if self.replacing and not self._old_machine_exists():
            self.ctx.log(
                "The old machine was already replaced: its restored disks are kept, "
                "so that the machine can be made from them",
                key="kept",
            )
            return
        disks = [disk.target_id for disk in self._disk_plans()]
        others = [plan.target_id for plan in (*self.plan.addresses, *self.plan.interfaces)]
        resources.undo(
            self.arm, [*disks, *others, self.plan.machine.target_id], self.ctx.session_id
        )
        if self.staging:
            azure_resources.delete_group(self.arm, self._subscription, self._group)

    def _old_machine_exists(self) -> bool:
        """It is the first thing that is deleted: as long as it is there, so are its disks."""
        machine = azure_machines.find(self.arm, self.plan.machine.target_id)
        return machine is not None and not marks.is_marked(
            machine, marks.RESTORE_TAG, self.ctx.session_id
        )

    def _look(self, *, in_place: bool) -> bool:
        """Whether the disks have to be staged. ``Rejected`` when the target cannot take them."""
        machine_id = self.plan.machine.target_id
        machine = azure_machines.find(self.arm, machine_id)
        if not in_place:
            if machine is not None:
                raise Rejected(f"{machine_id} exists already; choose another name")
            return False
        taken = []
        for disk in self.plan.disks:
            found = self.arm.find(disk.target_id)
            if found is not None:
                holder = as_text(found.get("managedBy"))
                resources.refuse_foreign(disk.target_id, holder, machine_id)
                taken.append(disk.target_id)
        for interface in self.plan.interfaces:
            there = self.arm.find(interface.target_id)
            holder = as_text(dig(there, "properties", "virtualMachine", "id"))
            resources.refuse_foreign(interface.target_id, holder, machine_id)
        resources.refuse_locked(self.arm, [*taken, *([machine_id] if machine else [])])
        return machine is not None or bool(taken)

    def _make_disks(self) -> JsonValue:
        if self.staging:
            azure_resources.create_group(
                self.arm,
                self._subscription,
                self._group,
                as_text(self.plan.machine.body.get("location")),
                {marks.RESTORE_TAG: self.ctx.session_id},
            )
        self.source.write_disks(self.ctx, self.arm, self._disk_plans())
        return None

    def _make_machine(self, *, in_place: bool) -> None:
        """Everything but the disks; then the tags of the restore go."""
        ctx, plan = self.ctx, self.plan
        ctx.step("make the machine", lambda: self._make_others(in_place=in_place))
        self.made = True
        ctx.restored(
            plan.machine.target_id.lower(),
            name=plan.machine.target_id.rsplit("/", 1)[-1],
            detail={
                "resourceGroupName": id_part(plan.machine.target_id, "resourceGroups"),
                "regionName": plan.machine.body.get("location"),
            },
        )
        with ctx.uninterrupted():
            self._unmark()

    def _make_others(self, *, in_place: bool) -> JsonValue:
        machine = self.plan.machine
        for address in self.plan.addresses:
            if self.arm.find(address.target_id) is None:
                resources.make(self.arm, address, self.ctx.session_id)
        for interface in self.plan.interfaces:
            if in_place:
                resources.use_or_make(self.arm, interface, machine.target_id, self.ctx.session_id)
            else:
                resources.make(self.arm, interface, self.ctx.session_id)
        with self.ctx.line(f"Creating machine {machine.target_id.rsplit('/', 1)[-1]}"):
            resources.make(self.arm, machine, self.ctx.session_id)
            # Azure starts what it creates.
            if not self.start:
                azure_machines.deallocate(self.arm, machine.target_id)
        return None

    def _disk_plans(self) -> list[DiskPlan]:
        if not self.staging:
            return list(self.plan.disks)
        return [resources.staged(plan, self._group) for plan in self.plan.disks]

    def _replace(self) -> JsonValue:
        """Old machine and disks go, new disks move in. Harmless when repeated."""
        azure_machines.delete(self.arm, self.plan.machine.target_id)
        waiting = []
        for final, staged in zip(self.plan.disks, self._disk_plans(), strict=True):
            if self.arm.find(staged.target_id) is None:
                continue  # moved by an earlier attempt
            there = self.arm.find(final.target_id)
            if there is None or not marks.is_marked(there, marks.RESTORE_TAG, self.ctx.session_id):
                # While a move goes on, the restored disk may be seen at both places.
                azure_disks.delete(self.arm, final.target_id)
            waiting.append((staged.target_id, final.target_id))
        for group in sorted({id_part(final, "resourceGroups") for _, final in waiting}):
            ids = [old for old, new in waiting if id_part(new, "resourceGroups") == group]
            azure_resources.move(
                self.arm,
                self._subscription,
                self._group,
                ids,
                f"/subscriptions/{self._subscription}/resourceGroups/{group}",
            )
        azure_resources.delete_group(self.arm, self._subscription, self._group)
        return None

    def _unmark(self) -> None:
        made = [(plan.target_id, plan.body) for plan in self.plan.disks]
        for plan in (*self.plan.addresses, *self.plan.interfaces, self.plan.machine):
            made.append((plan.target_id, plan.body))
        for resource_id, body in made:
            resources.unmark(self.arm, resource_id, body)

    @property
    def _subscription(self) -> str:
        return id_part(self.plan.machine.target_id, "subscriptions")

    @property
    def _group(self) -> str:
        return marks.staging_group(self.ctx.session_id)
