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
from kyanite.areas.vm.jobs.restore_source import load_source
from kyanite.areas.vm.restore_targets import machine_target
from kyanite.azure import resources as azure_resources
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import disks as azure_disks
from kyanite.azure.compute import machines as azure_machines
from kyanite.base.azure_names import id_part
from kyanite.base.errors import Interrupted, KyaniteError, LeaseLost, Rejected
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text, dig
from kyanite.durable.context import JobContext
from kyanite.rules.restore_plan import DiskPlan, MachinePlan, plan_machine

RESTORE_MACHINE: Final = "vm.restore_machine"


def restore_machine(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """The whole session."""
    point_id = payload_text(payload, "pointId")
    recipe = ctx.step("read the configuration", lambda: load_source(ctx, point_id).recipe)
    account_id = payload_text(payload, "accountId")
    arm = ctx.provided(AzureAccess).arm_client(account_id).with_check(ctx.check)
    target = payload.get("target")
    plan = plan_machine(
        as_object(recipe),
        machine_target(as_object(target)) if target is not None else None,
        {marks.RESTORE_TAG: ctx.session_id},
    )
    restore = _Restore(ctx, arm, point_id, plan, start=payload.get("start") is True)
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
    point_id: str
    plan: MachinePlan
    start: bool
    replaced: tuple[str, ...] = ()
    """The old machine and those of its disks that exist: what has to go, in this order."""
    replacing: bool = False
    """Whether the first of them may be gone already."""
    made: bool = False
    """Whether the machine is complete: then nothing is undone any more."""

    def run(self, *, in_place: bool) -> None:
        """All steps, each finished one skipped after a takeover."""
        ctx = self.ctx
        found = ctx.step("find what is there", lambda: self._find_what_is_there(in_place))
        self.replaced = tuple(as_text(resource_id) for resource_id in as_list(found))
        ctx.step("make the disks", self._make_disks)
        if not self._staging:
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
        if self.replacing and not self._all_is_there():
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
        if self._staging:
            azure_resources.delete_group(self.arm, self._subscription, self._group)

    def _all_is_there(self) -> bool:
        """Whether nothing of what was to be replaced has been deleted yet."""
        for resource_id in self.replaced:
            found = self.arm.find(resource_id)
            if found is None or marks.is_marked(found, marks.RESTORE_TAG, self.ctx.session_id):
                return False
        return True

    def _find_what_is_there(self, in_place: bool) -> JsonValue:
        """What has to be replaced. ``Rejected`` when the target cannot be used."""
        machine_id = self.plan.machine.target_id
        machine = azure_machines.find(self.arm, machine_id)
        if not in_place:
            if machine is not None:
                raise Rejected(f"{machine_id} exists already; choose another name")
            return []
        there = [machine_id] if machine is not None else []
        for disk in self.plan.disks:
            found = self.arm.find(disk.target_id)
            if found is not None:
                holder = as_text(found.get("managedBy"))
                resources.refuse_foreign(disk.target_id, holder, machine_id)
                there.append(disk.target_id)
        for interface in self.plan.interfaces:
            found = self.arm.find(interface.target_id)
            holder = as_text(dig(found, "properties", "virtualMachine", "id"))
            resources.refuse_foreign(interface.target_id, holder, machine_id)
        resources.refuse_locked(self.arm, there)
        names = {disk.target_id.rsplit("/", 1)[-1].lower() for disk in self.plan.disks}
        if there and len(names) < len(self.plan.disks):
            raise Rejected(
                "Two disks of the machine have one name in two groups, so they cannot wait in "
                "one group for their turn; restore to a new location"
            )
        return list[JsonValue](there)

    @property
    def _staging(self) -> bool:
        """Whether the disks wait in a group of their own until the old ones are gone."""
        return bool(self.replaced)

    def _make_disks(self) -> JsonValue:
        if self._staging:
            azure_resources.create_group(
                self.arm,
                self._subscription,
                self._group,
                as_text(self.plan.machine.body.get("location")),
                {marks.RESTORE_TAG: self.ctx.session_id},
            )
        source = load_source(self.ctx, self.point_id)
        source.write_disks(self.ctx, self.arm, self._disk_plans())
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
        if not self._staging:
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
