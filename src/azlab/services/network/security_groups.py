"""Microsoft.Network/networkSecurityGroups, with their rules inside."""

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
)
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import Record
from azlab.services.network import errors, security_rules
from azlab.services.network.bodies import accepted, checked, keep, placed, tagged
from azlab.services.network.references import RULES, group_users


def present(call: ArmCall, record: Record) -> JsonObject:
    """A group with its rules and with who uses it."""
    properties = make_object_at(record.body, "properties")
    rules: list[JsonValue] = [
        one.body for one in call.lab.resources.list(call.tx, record.id, RULES)
    ]
    properties["securityRules"] = rules
    properties["defaultSecurityRules"] = [*security_rules.default_rules(record)]
    interfaces, subnets = group_users(call, record.id)
    for name, users in (("networkInterfaces", interfaces), ("subnets", subnets)):
        if users:
            shown: list[JsonValue] = [{"id": user} for user in users]
            properties[name] = shown
    return record.body


def put_group(call: ArmCall) -> Response:
    """Create or change a group; rules named in the body replace those there are."""
    asked = checked(call, "NetworkSecurityGroup")
    known = call.lab.resources.find(call.tx, call.id)
    location = placed(call, asked, known)
    properties: JsonObject = {"provisioningState": "Updating"}
    flush = object_at(asked, "properties").get("flushConnection")
    if flush is not None:
        properties["flushConnection"] = flush
    body = tagged({"location": location, "properties": properties}, asked)
    stored = keep(call, call.id, body, known)
    group = Record(known.id if known is not None else call.id, stored, "", "")
    if object_at(asked, "properties").get("securityRules") is not None:
        _replace_rules(call, group, objects_at(asked, "properties", "securityRules"))
    return accepted(call, present(call, group), location, known)


def delete_group(call: ArmCall) -> Response:
    """Delete a group that nobody uses."""
    interfaces, subnets = group_users(call, call.id)
    if interfaces or subnets:
        raise errors.group_in_use(call.id.text, [*interfaces, *subnets])
    return delete_later(call)


def _replace_rules(call: ArmCall, group: Record, asked: list[JsonObject]) -> None:
    wanted: dict[str, tuple[ResourceId, JsonObject]] = {}
    for one in asked:
        name = text_at(one, "name")
        if not name:
            raise errors.missing_member("securityRules.name", group.id.text)
        rule_id = group.id.child("securityRules", name)
        wanted[rule_id.key] = (rule_id, one)
    for old in call.lab.resources.list(call.tx, group.id, RULES):
        call.lab.resources.remove(call.tx, old.id)
    for rule_id, one in wanted.values():
        security_rules.store_rule(call, group, rule_id, one)
