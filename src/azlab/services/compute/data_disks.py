"""attachDetachDataDisks: several disks on and off a machine in one call."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.http import Response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    integer_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import parse
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.compute import attachment
from azlab.services.compute.errors import invalid, required
from azlab.services.compute.machine_bodies import size_of
from azlab.services.compute.machine_disks import check_storage_profile
from azlab.services.compute.shapes import check_body
from azlab.services.placement import check_not_deleting, location_of

MOVED = "compute.dataDisksMoved"


def attach_detach(call: ArmCall) -> Response:
    """Detach first, then attach; the operation's result is the storage profile."""
    asked = call.json()
    check_body("AttachDetachDataDisksRequest", asked)
    machine = call.record()
    check_not_deleting(machine)
    call.require_linked("Microsoft.Compute/virtualMachines/write", machine.id.text)
    before = object_at(machine.body, "properties", "storageProfile")
    leaving = {_disk_id(one, "dataDisksToDetach") for one in objects_at(asked, "dataDisksToDetach")}
    data = objects_at(before, "dataDisks")
    attached = {text_at(entry, "managedDisk", "id").lower() for entry in data}
    if strangers := leaving - attached:
        raise invalid(
            "dataDisksToDetach", f"The disk {min(strangers)} is not attached to this machine."
        )
    kept: list[JsonValue] = [
        entry for entry in data if text_at(entry, "managedDisk", "id").lower() not in leaving
    ]
    for one in objects_at(asked, "dataDisksToAttach"):
        kept.append(_entry(one, kept))
    after: JsonObject = {**before, "dataDisks": kept}
    check_storage_profile(after, size_of(machine.body))
    full = attachment.full_storage_profile(
        call, after, machine.id, location_of(machine.body), texts_at(machine.body, "zones")
    )
    properties = object_at(machine.body, "properties")
    properties["storageProfile"] = full
    call.lab.resources.put(call.tx, machine.id, machine.body)
    attachment.move_disks(call.lab.resources, call.tx, machine.id, before, full)
    headers = call.start_operation(
        complete=MOVED,
        arguments={"id": machine.id.text},
        location=location_of(machine.body),
    )
    return Response(202, headers)


def register_operations(lab: Lab) -> None:
    """Make the end of this operation known to the lab."""

    def moved(tx: Transaction, arguments: JsonObject) -> JsonValue:
        body = lab.resources.body(tx, parse(text_at(arguments, "id"))) or {}
        return object_at(body, "properties", "storageProfile")

    lab.operations.register(MOVED, moved)


def _entry(asked: JsonObject, present: list[JsonValue]) -> JsonObject:
    lun = integer_at(asked, "lun")
    if lun is None:
        taken = {integer_at(one, "lun") for one in present if isinstance(one, dict)}
        lun = next(number for number in range(64) if number not in taken)
    return {
        "lun": lun,
        "createOption": "Attach",
        "caching": asked.get("caching"),
        "deleteOption": asked.get("deleteOption"),
        "writeAcceleratorEnabled": asked.get("writeAcceleratorEnabled"),
        "managedDisk": {"id": _disk_id(asked, "dataDisksToAttach")},
    }


def _disk_id(asked: JsonObject, where: str) -> str:
    disk_id = text_at(asked, "diskId").lower()
    if not disk_id:
        raise required(f"{where}.diskId")
    return disk_id
