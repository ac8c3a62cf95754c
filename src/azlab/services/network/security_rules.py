"""Rules of network security groups: checked, completed, and the ones that are always there."""

from __future__ import annotations

from azlab.core.arm import ArmCall, delete_later
from azlab.core.arm_call import missing
from azlab.core.http import Response
from azlab.core.json_types import JsonObject, integer_at, object_at, text_at, texts_at
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import Record
from azlab.services.network import errors
from azlab.services.network.bodies import accepted, checked, keep
from azlab.services.network.references import RULES

_LOWEST_PRIORITY, _HIGHEST_PRIORITY = 100, 4096
_KEPT = (
    "access",
    "description",
    "destinationAddressPrefix",
    "destinationAddressPrefixes",
    "destinationApplicationSecurityGroups",
    "destinationPortRange",
    "destinationPortRanges",
    "direction",
    "priority",
    "protocol",
    "sourceAddressPrefix",
    "sourceAddressPrefixes",
    "sourceApplicationSecurityGroups",
    "sourcePortRange",
    "sourcePortRanges",
)
_CHOICES = {
    "access": ("Allow", "Deny"),
    "direction": ("Inbound", "Outbound"),
    "protocol": ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"),
}
_DEFAULTS = (
    ("AllowVnetInBound", "Inbound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "Inbound", 65001, "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", "Inbound", 65500, "Deny", "*", "*"),
    ("AllowVnetOutBound", "Outbound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", "Outbound", 65001, "Allow", "*", "Internet"),
    ("DenyAllOutBound", "Outbound", 65500, "Deny", "*", "*"),
)


def put_rule(call: ArmCall) -> Response:
    """Create or change one rule."""
    asked = checked(call, "SecurityRule")
    group = call.lab.resources.find(call.tx, call.id.parent)
    if group is None:
        raise missing(call.id.parent)
    known = call.lab.resources.find(call.tx, call.id)
    record = store_rule(call, group, call.id, asked)
    return accepted(call, record.body, text_at(group.body, "location"), known)


def delete_rule(call: ArmCall) -> Response:
    """Delete one rule."""
    return delete_later(call)


def store_rule(call: ArmCall, group: Record, rule_id: ResourceId, asked: JsonObject) -> Record:
    """Check a rule against the others of its group and keep it."""
    properties: JsonObject = {
        k: v for k, v in object_at(asked, "properties").items() if k in _KEPT and v is not None
    }
    for name, choices in _CHOICES.items():
        properties[name] = _choice(properties, name, choices, rule_id)
    priority = integer_at(properties, "priority")
    if priority is None or not _LOWEST_PRIORITY <= priority <= _HIGHEST_PRIORITY:
        raise errors.invalid(
            "SecurityRuleInvalidPriority",
            f"Security rule {rule_id.text} has invalid Priority. Value provided: {priority}. "
            f"Allowed range {_LOWEST_PRIORITY}-{_HIGHEST_PRIORITY}.",
        )
    for end in ("source", "destination"):
        for what in ("AddressPrefix", "PortRange"):
            many = "AddressPrefixes" if what == "AddressPrefix" else "PortRanges"
            groups = properties.get(f"{end}ApplicationSecurityGroups")
            if text_at(properties, end + what) or texts_at(properties, end + many):
                continue
            if what == "AddressPrefix" and groups:
                continue
            raise errors.invalid(
                "SecurityRuleParameterContainsUnsupportedValue",
                f"Security rule {rule_id.text} needs {end}{what}.",
            )
    for other in call.lab.resources.list(call.tx, group.id, RULES):
        theirs = object_at(other.body, "properties")
        if (
            other.id.key != rule_id.key
            and integer_at(theirs, "priority") == priority
            and text_at(theirs, "direction") == properties["direction"]
        ):
            raise errors.invalid(
                "SecurityRuleConflict",
                f"Security rule {rule_id.name} conflicts with rule {other.id.name}. Rules cannot "
                "have the same Priority and Direction.",
            )
    for name in (
        "sourceAddressPrefixes",
        "destinationAddressPrefixes",
        "sourcePortRanges",
        "destinationPortRanges",
    ):
        properties.setdefault(name, [])
    properties["provisioningState"] = "Succeeded"
    known = call.lab.resources.find(call.tx, rule_id)
    stored = keep(call, rule_id, {"properties": properties}, known)
    return Record(known.id if known is not None else rule_id, stored, "", "")


def default_rules(group: Record) -> list[JsonObject]:
    """The rules that every group has and nobody can change."""
    found: list[JsonObject] = []
    for name, direction, priority, access, source, target in _DEFAULTS:
        found.append(
            {
                "name": name,
                "id": f"{group.id.text}/defaultSecurityRules/{name}",
                "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
                "etag": text_at(group.body, "etag"),
                "properties": {
                    "provisioningState": "Succeeded",
                    "protocol": "*",
                    "sourcePortRange": "*",
                    "destinationPortRange": "*",
                    "sourceAddressPrefix": source,
                    "destinationAddressPrefix": target,
                    "access": access,
                    "priority": priority,
                    "direction": direction,
                },
            }
        )
    return found


def _choice(
    properties: JsonObject, name: str, choices: tuple[str, ...], rule_id: ResourceId
) -> str:
    text = text_at(properties, name)
    for choice in choices:
        if choice.lower() == text.lower():
            return choice
    raise errors.invalid(
        "SecurityRuleParameterContainsUnsupportedValue",
        f"Security rule parameter {name} for rule {rule_id.text} contains an unsupported value "
        f"'{text}'.",
    )
