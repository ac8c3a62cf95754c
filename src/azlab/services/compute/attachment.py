"""Disks and interfaces held by machines: who has what, and the changes of it."""

from __future__ import annotations

from collections.abc import Sequence

from azlab.core.arm import ArmCall
from azlab.core.clock import iso
from azlab.core.errors import ArmError
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    make_object_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import BadResourceId, ResourceId, parse, same
from azlab.core.resources import Record, Resources
from azlab.core.state import Transaction
from azlab.services.compute import errors
from azlab.services.compute.disk_state import UPLOADING, current_state
from azlab.services.compute.disks import DISKS
from azlab.services.compute.machine_disks import check_zone, disk_ids, full_disk
from azlab.services.compute.references import referred
from azlab.services.placement import check_not_deleting, location_of

NICS = "Microsoft.Network/networkInterfaces"


def attachable_disk(
    call: ArmCall, disk_id: str, machine_id: ResourceId, location: str, zones: Sequence[str]
) -> Record:
    """The disk, if this machine may have it; each refusal is Azure's."""
    disk = referred(call, disk_id, DISKS, "managedDisk.id")
    check_not_deleting(disk)
    owner = text_at(disk.body, "managedBy")
    if owner and same(owner, machine_id.text):
        return disk
    call.require_linked(f"{DISKS}/write", disk.id.text)
    if owner:
        raise ArmError(
            409,
            "ConflictingUserInput",
            f"Disk '{disk.id.text}' cannot be attached as the disk is already owned by VM "
            f"'{owner}'.",
        )
    if location_of(disk.body) != location:
        raise errors.invalid(
            "managedDisk.id", f"The disk {disk.id.name} is in {location_of(disk.body)}."
        )
    check_zone(zones, disk.id.name, texts_at(disk.body, "zones"), text_at(disk.body, "sku", "name"))
    state = current_state(call.tx, disk, call.request.now)
    if state == "ActiveSAS":
        raise errors.live_access("disk", disk.id.name)
    if state in UPLOADING:
        raise errors.bad_disk_state(disk.id.name, state, "Unattached")
    return disk


def full_storage_profile(
    call: ArmCall, asked: JsonObject, machine_id: ResourceId, location: str, zones: Sequence[str]
) -> JsonObject:
    """A checked storage profile with everything that GET shows."""

    def one(entry: JsonObject, *, system: bool) -> JsonObject:
        disk_id = text_at(entry, "managedDisk", "id")
        disk = attachable_disk(call, disk_id, machine_id, location, zones)
        return full_disk(entry, disk.body, system=system)

    data: list[JsonValue] = [one(entry, system=False) for entry in objects_at(asked, "dataDisks")]
    return {
        "osDisk": one(object_at(asked, "osDisk"), system=True),
        "dataDisks": data,
        "diskControllerType": text_at(asked, "diskControllerType") or "SCSI",
    }


def move_disks(
    resources: Resources,
    tx: Transaction,
    machine_id: ResourceId,
    before: JsonObject,
    after: JsonObject,
) -> None:
    """Let go of the disks that a machine no longer has and take the new ones."""
    had, has = set(disk_ids(before)), set(disk_ids(after))
    for disk_id in sorted(had - has):
        set_disk_owner(resources, tx, parse(disk_id), None)
    for disk_id in sorted(has):
        set_disk_owner(resources, tx, parse(disk_id), machine_id.text)


def set_disk_owner(
    resources: Resources, tx: Transaction, disk_id: ResourceId, owner: str | None
) -> None:
    """Write who has a disk; nothing if the disk is gone."""
    body = resources.body(tx, disk_id)
    if body is None or text_at(body, "managedBy") == (owner or ""):
        return
    body.pop("managedBy", None)
    if owner is not None:
        body["managedBy"] = owner
    make_object_at(body, "properties")["LastOwnershipUpdateTime"] = iso(resources.now())
    resources.put(tx, disk_id, body)


def check_interfaces(
    call: ArmCall, network: JsonObject, machine_id: ResourceId, location: str
) -> None:
    """Each interface exists, is here, and no other machine has it; one is the primary one."""
    asked = objects_at(network, "networkInterfaces")
    if object_at(network, "networkInterfaceConfigurations") or network.get(
        "networkInterfaceConfigurations"
    ):
        raise errors.unsupported("interfaces made together with their machine")
    if not asked:
        raise errors.required("networkProfile.networkInterfaces")
    primary = [one for one in asked if object_at(one, "properties").get("primary") is True]
    if len(asked) > 1 and len(primary) != 1:
        raise ArmError(
            400,
            "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary",
            f"Virtual machine {machine_id.name} must have one network interface set as the "
            "primary.",
        )
    for one in asked:
        if text_at(one, "properties", "deleteOption").lower() not in ("", "delete", "detach"):
            raise errors.invalid(
                "networkInterfaces.deleteOption", "The deleteOption must be Delete or Detach."
            )
        nic = referred(call, text_at(one, "id"), NICS, "networkInterfaces.id")
        check_not_deleting(nic)
        owner = text_at(nic.body, "properties", "virtualMachine", "id")
        if owner and same(owner, machine_id.text):
            continue
        call.require_linked(f"{NICS}/join/action", nic.id.text)
        if owner:
            raise ArmError(
                400,
                "NicInUse",
                f"Network Interface {nic.id.text} is used by existing resource {owner}.",
            )
        if location_of(nic.body) != location:
            raise errors.invalid(
                "networkInterfaces.id",
                f"The network interface {nic.id.name} is in {location_of(nic.body)}.",
            )


def move_interfaces(
    resources: Resources,
    tx: Transaction,
    machine_id: ResourceId,
    before: JsonObject,
    after: JsonObject,
) -> None:
    """Write on each interface which machine has it, and whether it is the primary one."""
    has = objects_at(after, "networkInterfaces")
    kept = {text_at(one, "id").lower() for one in has}
    for one in objects_at(before, "networkInterfaces"):
        if text_at(one, "id").lower() not in kept:
            set_interface_owner(resources, tx, text_at(one, "id"), None, primary=False)
    for one in has:
        primary = len(has) == 1 or object_at(one, "properties").get("primary") is True
        set_interface_owner(resources, tx, text_at(one, "id"), machine_id.text, primary=primary)


def set_interface_owner(
    resources: Resources, tx: Transaction, nic_id: str, owner: str | None, *, primary: bool
) -> None:
    """Write who has an interface; nothing if it is gone."""
    try:
        resource_id = parse(nic_id)
    except BadResourceId:
        return
    body = resources.body(tx, resource_id)
    if body is None:
        return
    properties = make_object_at(body, "properties")
    properties.pop("virtualMachine", None)
    properties.pop("primary", None)
    if owner is not None:
        properties["virtualMachine"] = {"id": owner}
        properties["primary"] = primary
    resources.put(tx, resource_id, body)
