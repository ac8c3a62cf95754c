"""Microsoft.Network/virtualNetworks/subnets, alone and inside the PUT of their network."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from azlab.core.arm import ArmCall, delete_later
from azlab.core.arm_call import missing
from azlab.core.http import Response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    make_object_at,
    object_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import Record
from azlab.services.network import errors
from azlab.services.network.addresses import check_subnet, parse_prefixes
from azlab.services.network.bodies import accepted, checked, keep
from azlab.services.network.references import GROUPS, SUBNETS, ip_uses, referred

_KEPT = (
    "addressPrefix",
    "addressPrefixes",
    "defaultOutboundAccess",
    "delegations",
    "natGateway",
    "networkSecurityGroup",
    "privateEndpointNetworkPolicies",
    "privateLinkServiceNetworkPolicies",
    "routeTable",
    "serviceEndpointPolicies",
    "serviceEndpoints",
)


def present(call: ArmCall, record: Record) -> JsonObject:
    """A subnet with the IP configurations that lie in it."""
    inside: list[JsonValue] = [
        {"id": use.id} for use in ip_uses(call) if use.subnet == record.id.key
    ]
    if inside:
        make_object_at(record.body, "properties")["ipConfigurations"] = inside
    return record.body


def put_subnet(call: ArmCall) -> Response:
    """Create or change one subnet."""
    asked = checked(call, "Subnet")
    network = call.lab.resources.find(call.tx, call.id.parent)
    if network is None:
        raise missing(call.id.parent)
    known = call.lab.resources.find(call.tx, call.id)
    record = store_subnet(call, network, call.id, asked)
    location = text_at(network.body, "location")
    return accepted(call, present(call, record), location, known)


def delete_subnet(call: ArmCall) -> Response:
    """Delete a subnet in which nobody has an address."""
    check_unused(call, call.id)
    return delete_later(call)


def check_unused(call: ArmCall, subnet_id: ResourceId) -> None:
    """400 InUseSubnetCannotBeDeleted while an interface has an address there."""
    users = [use.id for use in ip_uses(call) if use.subnet == subnet_id.key]
    if users:
        raise errors.subnet_in_use(subnet_id.name, users)


def store_subnet(
    call: ArmCall, network: Record, subnet_id: ResourceId, asked: JsonObject
) -> Record:
    """Check a subnet against its network and keep it."""
    properties: JsonObject = {
        k: v for k, v in object_at(asked, "properties").items() if k in _KEPT and v is not None
    }
    prefixes = prefixes_of(properties, subnet_id.name)
    if not prefixes:
        raise errors.missing_member("addressPrefix", subnet_id.text)
    space = parse_prefixes(
        texts_at(network.body, "properties", "addressSpace", "addressPrefixes"), network.id.name
    )
    siblings = [
        (one.id.name, prefixes_of(object_at(one.body, "properties"), one.id.name))
        for one in call.lab.resources.list(call.tx, network.id, SUBNETS)
        if one.id.key != subnet_id.key
    ]
    check_subnet(subnet_id.name, prefixes, space, siblings)
    _check_users_fit(call, subnet_id, prefixes)
    group = text_at(properties, "networkSecurityGroup", "id")
    if group:
        found = referred(call, group, GROUPS, text_at(network.body, "location"))
        call.require_linked(f"{GROUPS}/join/action", found.id.text)
        properties["networkSecurityGroup"] = {"id": found.id.text}
    properties.setdefault("privateEndpointNetworkPolicies", "Disabled")
    properties.setdefault("privateLinkServiceNetworkPolicies", "Enabled")
    properties.setdefault("delegations", [])
    properties["provisioningState"] = "Succeeded"
    known = call.lab.resources.find(call.tx, subnet_id)
    stored = keep(call, subnet_id, {"properties": properties}, known)
    return Record(known.id if known is not None else subnet_id, stored, "", "")


def prefixes_of(properties: JsonObject, name: str) -> list[ipaddress.IPv4Network]:
    """The prefixes of a subnet, from either member."""
    one = text_at(properties, "addressPrefix")
    return parse_prefixes([one] if one else texts_at(properties, "addressPrefixes"), name)


def _check_users_fit(
    call: ArmCall, subnet_id: ResourceId, prefixes: Sequence[ipaddress.IPv4Network]
) -> None:
    for use in ip_uses(call):
        if use.subnet != subnet_id.key:
            continue
        address = ipaddress.IPv4Address(use.private_address)
        if not any(address in prefix for prefix in prefixes):
            raise errors.invalid(
                "InUsePrefixCannotBeDeleted",
                f"IpPrefix of subnet {subnet_id.name} is in use by {use.id} and cannot be deleted.",
            )
