"""The firewall of an account: `networkAcls` and `publicNetworkAccess`."""

import ipaddress

from azlab.core.errors import ArmError, invalid_parameter, not_simulated
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    list_at,
    make_object_at,
    object_at,
    objects_at,
    text_at,
)
from azlab.services.storage_blob.accounts import Firewall

_PRIVATE = tuple(
    ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)


def firewall(body: JsonObject) -> Firewall:
    rules = object_at(body, "properties", "networkAcls")
    return Firewall(
        closed=text_at(body, "properties", "publicNetworkAccess") == "Disabled",
        allows_by_default=text_at(rules, "defaultAction") != "Deny",
        ranges=tuple(text_at(rule, "value") for rule in objects_at(rules, "ipRules")),
    )


def apply(body: JsonObject, asked: JsonObject) -> None:
    """Members that are given replace those that are held."""
    properties = make_object_at(body, "properties")
    access = text_at(asked, "properties", "publicNetworkAccess")
    if access not in ("", "Enabled", "Disabled"):
        raise not_simulated(f"The lab does not know publicNetworkAccess as '{access}'.")
    if access:
        properties["publicNetworkAccess"] = access
    wanted = object_at(asked, "properties", "networkAcls")
    held = make_object_at(properties, "networkAcls")
    action = text_at(wanted, "defaultAction")
    if action not in ("", "Allow", "Deny"):
        raise invalid_parameter("networkAcls.defaultAction", f"'{action}' is not known.")
    if list_at(wanted, "ipv6Rules") or list_at(wanted, "resourceAccessRules"):
        raise not_simulated("The lab knows rules for IPv4 addresses and networks only.")
    if action:
        held["defaultAction"] = action
    if text_at(wanted, "bypass"):
        held["bypass"] = text_at(wanted, "bypass")
    if wanted.get("ipRules") is not None:
        rules: list[JsonValue] = [_ip_rule(rule) for rule in objects_at(wanted, "ipRules")]
        held["ipRules"] = rules
    if wanted.get("virtualNetworkRules") is not None:
        # Nobody comes from a virtual network here, so these admit nobody.
        held["virtualNetworkRules"] = list_at(wanted, "virtualNetworkRules")


def _ip_rule(rule: JsonObject) -> JsonObject:
    value = text_at(rule, "value")
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise _bad_rule(f"'{value}' is no IPv4 address or network.") from None
    if any(network.subnet_of(private) for private in _PRIVATE):
        raise _bad_rule(f"'{value}' is private; rules are for public addresses.")
    return {"value": value, "action": "Allow"}


def _bad_rule(message: str) -> ArmError:
    return ArmError(400, "InvalidValuesForRequestParameters", message, "networkAcls.ipRules")
