"""Resources that a request points at: found, of the right type, in the right place."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.arm_call import missing
from azlab.core.errors import ArmError
from azlab.core.json_types import JsonObject, text_at
from azlab.core.resource_ids import BadResourceId, ResourceId, parse
from azlab.core.resources import Record
from azlab.services.compute.errors import invalid


def referred(call: ArmCall, text: str, type_name: str, member: str) -> Record:
    """The resource an id in a body names; 400 when it is no such id, 404 when it is missing."""
    resource_id = referred_id(text, type_name, member)
    found = call.lab.resources.find(call.tx, resource_id)
    if found is None:
        raise missing(resource_id)
    return found


def referred_id(text: str, type_name: str, member: str) -> ResourceId:
    """The id of a resource of a type."""
    try:
        resource_id = parse(text)
    except BadResourceId as error:
        raise invalid(member, f"Parameter '{member}': {error}") from error
    if resource_id.type.lower() != type_name.lower():
        raise invalid(member, f"'{text}' is not a resource of the type {type_name}.")
    return resource_id


def location_of(body: JsonObject) -> str:
    """The region code of a body: `West Europe` and `westeurope` are the same."""
    location = text_at(body, "location").replace(" ", "").lower()
    if not location:
        raise ArmError(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
            target="location",
        )
    return location


def check_same_location(asked: JsonObject, stored: JsonObject) -> None:
    """An existing resource stays where it is."""
    if location_of(asked) != location_of(stored):
        name = text_at(stored, "name")
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{name}' already exists in location '{location_of(stored)}'. A "
            f"resource with the same name cannot be created in location '{location_of(asked)}'. "
            "Please select a new resource name.",
        )


def check_not_deleting(known: Record) -> None:
    """409 while a resource is on its way out: a PUT now would be lost with it."""
    if text_at(known.body, "properties", "provisioningState") == "Deleting":
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The resource '{known.id.text}' is being deleted; wait until that has ended.",
        )
