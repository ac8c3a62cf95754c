"""Resources that a request points at: found, of the right type, in the right place."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.arm_call import missing
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
