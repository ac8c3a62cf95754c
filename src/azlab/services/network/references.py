"""Who points at whom in the networks of a subscription.

Back references (interfaces of a subnet, the interface of a public address) are looked up when
they are shown, so they can never be stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from azlab.core.arm import ArmCall
from azlab.core.json_types import JsonObject, objects_at, text_at
from azlab.core.resource_ids import BadResourceId, ResourceId, parse
from azlab.core.resources import Record
from azlab.services.network import errors
from azlab.services.placement import check_not_deleting

VNETS = "Microsoft.Network/virtualNetworks"
SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
NICS = "Microsoft.Network/networkInterfaces"
ADDRESSES = "Microsoft.Network/publicIPAddresses"
GROUPS = "Microsoft.Network/networkSecurityGroups"
RULES = "Microsoft.Network/networkSecurityGroups/securityRules"


@dataclass(frozen=True)
class IpUse:
    """One IP configuration of an interface."""

    nic: Record
    config: JsonObject

    @property
    def id(self) -> str:
        """The id of the IP configuration."""
        return f"{self.nic.id.text}/ipConfigurations/{text_at(self.config, 'name')}"

    @property
    def subnet(self) -> str:
        """The id of its subnet, in lower case."""
        return text_at(self.config, "properties", "subnet", "id").lower()

    @property
    def public_address(self) -> str:
        """The id of its public address, in lower case; empty for none."""
        return text_at(self.config, "properties", "publicIPAddress", "id").lower()

    @property
    def private_address(self) -> str:
        """Its address in the subnet."""
        return text_at(self.config, "properties", "privateIPAddress")


def ip_uses(call: ArmCall) -> Iterator[IpUse]:
    """All IP configurations in the subscription."""
    for nic in call.lab.resources.list(call.tx, ResourceId(call.id.subscription), NICS):
        for config in objects_at(nic.body, "properties", "ipConfigurations"):
            yield IpUse(nic, config)


def group_users(call: ArmCall, group_id: ResourceId) -> tuple[list[str], list[str]]:
    """The ids of the interfaces and of the subnets that point at a security group."""
    inside = ResourceId(call.id.subscription)

    def users(kind: str) -> list[str]:
        return [
            record.id.text
            for record in call.lab.resources.list(call.tx, inside, kind)
            if text_at(record.body, "properties", "networkSecurityGroup", "id").lower()
            == group_id.key
        ]

    return users(NICS), users(SUBNETS)


def referred(call: ArmCall, text: str, kind: str, location: str) -> Record:
    """A resource that a body points at, in the same region; 400 InvalidResourceReference."""
    try:
        resource_id = parse(text)
    except BadResourceId as error:
        raise errors.bad_reference(text, call.id.text) from error
    found = call.lab.resources.find(call.tx, resource_id)
    if found is None or found.id.type.lower() != kind.lower():
        raise errors.bad_reference(text, call.id.text)
    check_not_deleting(found)
    placed = found if kind != SUBNETS else call.lab.resources.find(call.tx, found.id.parent)
    if placed is None or text_at(placed.body, "location") != location:
        raise errors.bad_reference(text, call.id.text)
    return found
