"""Microsoft.Network/virtualNetworks, with their subnets inside."""

from __future__ import annotations

from azlab.core.arm import ArmCall, delete_later
from azlab.core.http import Response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    make_object_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import Record
from azlab.services.network import errors, subnets
from azlab.services.network.addresses import parse_prefixes
from azlab.services.network.bodies import accepted, checked, keep, placed, tagged
from azlab.services.network.references import SUBNETS

_KEPT = (
    "addressSpace",
    "dhcpOptions",
    "enableDdosProtection",
    "enableVmProtection",
    "encryption",
    "flowTimeoutInMinutes",
    "privateEndpointVNetPolicies",
)


def present(call: ArmCall, record: Record) -> JsonObject:
    """A network with its subnets."""
    inner = call.lab.resources.list(call.tx, record.id, SUBNETS)
    shown: list[JsonValue] = [subnets.present(call, one) for one in inner]
    properties = make_object_at(record.body, "properties")
    properties["subnets"] = shown
    properties["virtualNetworkPeerings"] = []
    return record.body


def put_network(call: ArmCall) -> Response:
    """Create or change a network; subnets named in the body replace those there are."""
    asked = checked(call, "VirtualNetwork")
    known = call.lab.resources.find(call.tx, call.id)
    location = placed(call, asked, known)
    prefixes = texts_at(asked, "properties", "addressSpace", "addressPrefixes")
    if not prefixes:
        raise errors.missing_member("addressSpace", call.id.text)
    parse_prefixes(prefixes, call.id.name)
    if objects_at(asked, "properties", "virtualNetworkPeerings"):
        raise errors.invalid("NotImplemented", "The lab does not simulate network peerings.")
    asked_properties = object_at(asked, "properties")
    properties: JsonObject = {
        k: v for k, v in asked_properties.items() if k in _KEPT and v is not None
    }
    properties.setdefault("enableDdosProtection", False)
    properties["provisioningState"] = "Updating"
    body = tagged({"location": location, "properties": properties}, asked)
    stored = keep(call, call.id, body, known)
    network = Record(known.id if known is not None else call.id, stored, "", "")
    if asked_properties.get("subnets") is not None:
        _replace_subnets(call, network, objects_at(asked, "properties", "subnets"))
    return accepted(call, present(call, network), location, known)


def delete_network(call: ArmCall) -> Response:
    """Delete a network in which nobody has an address."""
    for one in call.lab.resources.list(call.tx, call.id, SUBNETS):
        subnets.check_unused(call, one.id)
    return delete_later(call)


def _replace_subnets(call: ArmCall, network: Record, asked: list[JsonObject]) -> None:
    wanted: dict[str, tuple[ResourceId, JsonObject]] = {}
    for one in asked:
        name = text_at(one, "name")
        if not name:
            raise errors.missing_member("subnets.name", network.id.text)
        subnet_id = network.id.child("subnets", name)
        wanted[subnet_id.key] = (subnet_id, one)
    for old in call.lab.resources.list(call.tx, network.id, SUBNETS):
        if old.id.key not in wanted:
            subnets.check_unused(call, old.id)
            call.lab.resources.remove(call.tx, old.id)
    for subnet_id, one in wanted.values():
        subnets.store_subnet(call, network, subnet_id, one)
