"""Microsoft.Compute/availabilitySets: machines kept on different hosts."""

from __future__ import annotations

from azlab.core.arm import ArmCall, delete_now
from azlab.core.errors import ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    integer_at,
    make_object_at,
    object_at,
    string_map_at,
    text_at,
)
from azlab.core.resource_ids import ResourceId, same
from azlab.core.resources import Record
from azlab.services import placement
from azlab.services.compute import errors
from azlab.services.compute.shapes import check_body
from azlab.services.placement import check_same_location, location_of

_MACHINES = "Microsoft.Compute/virtualMachines"


def put_set(call: ArmCall) -> Response:
    """Create or change an availability set."""
    asked = call.json()
    check_body("AvailabilitySet", asked)
    known = call.lab.resources.find(call.tx, call.id)
    if known is not None:
        check_same_location(asked, known)
    location = location_of(asked)
    placement.check_region(call, location)
    faults = integer_at(asked, "properties", "platformFaultDomainCount") or 2
    updates = integer_at(asked, "properties", "platformUpdateDomainCount") or 5
    if not 1 <= faults <= 3 or not 1 <= updates <= 20:
        raise errors.invalid(
            "platformFaultDomainCount", "1 to 3 fault and 1 to 20 update domains are possible."
        )
    sku = text_at(asked, "sku", "name") or "Classic"
    body: JsonObject = {
        "location": location,
        "tags": {**string_map_at(asked, "tags")},
        "sku": {"name": sku},
        "properties": {
            "platformFaultDomainCount": faults,
            "platformUpdateDomainCount": updates,
        },
    }
    group = object_at(asked, "properties", "proximityPlacementGroup")
    if group:
        make_object_at(body, "properties")["proximityPlacementGroup"] = group
    stored = call.lab.resources.put(call.tx, call.id, body)
    return json_response(200, present(call, Record(call.id, stored, "", "")))


def delete_set(call: ArmCall) -> Response:
    """Delete a set without machines."""
    if _members(call, call.id):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Availability Set {call.id.name} cannot be deleted. Before deleting an Availability "
            "Set please ensure that it does not contain any VM.",
        )
    return delete_now(call)


def present(call: ArmCall, record: Record) -> JsonObject:
    """A set with the machines in it."""
    members: list[JsonValue] = [{"id": one} for one in _members(call, record.id)]
    make_object_at(record.body, "properties")["virtualMachines"] = members
    return record.body


def _members(call: ArmCall, set_id: ResourceId) -> list[str]:
    machines = call.lab.resources.list(call.tx, ResourceId(set_id.subscription), _MACHINES)
    return [
        machine.id.text
        for machine in machines
        if same(text_at(machine.body, "properties", "availabilitySet", "id"), set_id.text)
    ]
