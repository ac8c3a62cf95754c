"""Where a restore goes, in the payload of its job and in the words of the rules."""

from __future__ import annotations

from kyanite.base.json_types import JsonObject, JsonValue, as_object, as_text
from kyanite.rules.restore_plan import DiskTarget, MachineTarget


def machine_target(payload: JsonObject) -> MachineTarget:
    """The new place of a machine, as ``machine_target_to_json`` wrote it."""
    disks = as_object(payload.get("disks"))
    return MachineTarget(
        name=_text(payload, "name"),
        subscription_id=_text(payload, "subscriptionId"),
        resource_group=_text(payload, "resourceGroup"),
        region=_text(payload, "region"),
        vm_size=_text(payload, "vmSize"),
        subnet_id=_text(payload, "subnetId"),
        security_group_id=_text(payload, "securityGroupId"),
        availability_set_id=_text(payload, "availabilitySetId"),
        zone=_text(payload, "zone"),
        disks={disk_id.lower(): disk_target(as_object(disks[disk_id])) for disk_id in disks},
    )


def machine_target_to_json(target: MachineTarget) -> JsonObject:
    """A machine's new place as its job's payload holds it."""
    return {
        "name": target.name,
        "subscriptionId": target.subscription_id,
        "resourceGroup": target.resource_group,
        "region": target.region,
        "vmSize": target.vm_size,
        "subnetId": target.subnet_id,
        "securityGroupId": target.security_group_id,
        "availabilitySetId": target.availability_set_id,
        "zone": target.zone,
        "disks": {disk_id: disk_target_to_json(disk) for disk_id, disk in target.disks.items()},
    }


def disk_target(payload: JsonObject) -> DiskTarget:
    """The new place of a disk, as ``disk_target_to_json`` wrote it."""
    return DiskTarget(
        name=_text(payload, "name"),
        subscription_id=_text(payload, "subscriptionId"),
        resource_group=_text(payload, "resourceGroup"),
        region=_text(payload, "region"),
        zone=_text(payload, "zone"),
    )


def disk_target_to_json(target: DiskTarget) -> JsonObject:
    """A disk's new place as its job's payload holds it."""
    return {
        "name": target.name,
        "subscriptionId": target.subscription_id,
        "resourceGroup": target.resource_group,
        "region": target.region,
        "zone": target.zone,
    }


def _text(payload: JsonObject, name: str) -> str | None:
    value: JsonValue = payload.get(name)
    return as_text(value) or None
