"""What a restore makes in Azure, and how it is unmade when the restore does not succeed.

Everything made carries the restore tag with the session's id until the end. A second attempt
finds what the first one made by it, undoing removes nothing else, and a name that is taken by
somebody else's resource stops the restore.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from kyanite.areas.vm.jobs.marks import RESTORE_TAG, is_marked, without_marks
from kyanite.azure.arm import ArmClient
from kyanite.azure.authorization.locks import first_lock
from kyanite.azure.compute import disks as azure_disks
from kyanite.base.azure_names import arm_id, id_part
from kyanite.base.errors import Gone, Rejected
from kyanite.base.json_types import JsonObject, as_object, as_text, as_text_map, dig
from kyanite.rules.restore_plan import DiskPlan, ResourcePlan


def make(arm: ArmClient, plan: ResourcePlan, session_id: str) -> None:
    """Make a resource, unless an earlier attempt has made it.

    Raises ``Rejected`` when something else has its name.
    """
    if is_made(arm, plan.target_id, session_id):
        return
    arm.put(plan.target_id, marked(plan.body, session_id))


def is_made(arm: ArmClient, resource_id: str, session_id: str) -> bool:
    """Whether this restore has made the resource. ``Rejected`` when somebody else has."""
    found = arm.find(resource_id)
    if found is None:
        return False
    if not is_marked(found, RESTORE_TAG, session_id):
        raise Rejected(f"{resource_id} exists already; choose another name or remove it")
    return True


def refuse_foreign(resource_id: str, holder: str, machine_id: str) -> None:
    """``Rejected`` when another machine than the one to be replaced holds the resource."""
    if holder and holder.lower() != machine_id.lower():
        raise Rejected(f"{resource_id} is in use by {holder}; free it or restore elsewhere")


def refuse_locked(arm: ArmClient, resource_ids: Sequence[str]) -> None:
    """``Rejected`` when one of these has a lock: Azure would refuse to replace it."""
    for resource_id in resource_ids:
        lock = first_lock(arm, resource_id)
        if lock:
            raise Rejected(
                f"{resource_id} has the lock {lock}; remove it or restore to a new location"
            )


def make_disk(arm: ArmClient, disk_id: str, body: JsonObject, session_id: str) -> None:
    """Make a disk that Azure fills by itself, unless an earlier attempt has made it."""
    make(arm, ResourcePlan(disk_id, body), session_id)


def make_empty_disk(arm: ArmClient, plan: DiskPlan, session_id: str) -> None:
    """An upload disk that waits for its first byte.

    What an interrupted attempt left half written cannot be gone on with: Azure accepts an
    upload once. It is removed and made again.
    """
    found = arm.find(plan.target_id)
    if found is not None:
        if not is_marked(found, RESTORE_TAG, session_id):
            raise Rejected(f"{plan.target_id} exists already; choose another name or remove it")
        if as_text(dig(found, "properties", "diskState")) == "ReadyToUpload":
            return
        azure_disks.delete(arm, plan.target_id)
    arm.put(plan.target_id, marked(plan.body, session_id))


def use_or_make(arm: ArmClient, plan: ResourcePlan, machine_id: str, session_id: str) -> None:
    """An interface at its old place: the one that is there if it is free, else a new one.

    After a kill the machine that is being restored may hold it already.
    """
    found = arm.find(plan.target_id)
    if found is not None and not is_marked(found, RESTORE_TAG, session_id):
        holder = as_text(dig(found, "properties", "virtualMachine", "id"))
        refuse_foreign(plan.target_id, holder, machine_id)
        return
    if found is None and plan.first is not None:
        # Its old addresses may be somebody else's by now: then it gets new ones.
        with suppress(Rejected):
            arm.put(plan.target_id, marked(plan.first, session_id))
    arm.put(plan.target_id, marked(plan.body, session_id))


def undo(arm: ArmClient, resource_ids: Sequence[str], session_id: str) -> None:
    """Remove what this restore has made, the last made first; anything else stays."""
    for resource_id in reversed(resource_ids):
        found = arm.find(resource_id)
        if found is None or not is_marked(found, RESTORE_TAG, session_id):
            continue
        if "/disks/" in resource_id.lower():
            azure_disks.delete(arm, resource_id)
        else:
            arm.delete(resource_id)


def unmark(arm: ArmClient, resource_id: str, body: JsonObject) -> None:
    """Give a finished resource its own tags back."""
    tags: Mapping[str, str] = without_marks(as_text_map(body.get("tags")))
    try:
        found = arm.get(resource_id)
    except Gone:
        return
    if RESTORE_TAG in as_object(found.get("tags")):
        arm.patch(resource_id, {"tags": dict(tags)})


def marked(body: JsonObject, session_id: str) -> JsonObject:
    """A body with the restore tag."""
    return {**body, "tags": {**as_object(body.get("tags")), RESTORE_TAG: session_id}}


def staged(plan: DiskPlan, group: str) -> DiskPlan:
    """The same disk, made in the staging group of its subscription."""
    return replace(plan, target_id=in_group(plan.target_id, group))


def in_group(disk_id: str, group: str) -> str:
    """The ARM id of a disk of the same name in another group of its subscription."""
    subscription_id, name = id_part(disk_id, "subscriptions"), disk_id.rsplit("/", 1)[-1]
    return arm_id(subscription_id, group, "Microsoft.Compute/disks", name)
