"""Network interfaces again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kyanite.azure.recipes.frame import READ_ONLY, frame, without
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text, dig

_INTERFACE_OWN: Final = frozenset(
    {
        "macAddress",
        "primary",
        "virtualMachine",
        "hostedWorkloads",
        "vnetEncryptionSupported",
        "tapConfigurations",
        "privateEndpoint",
        "privateLinkService",
        "dscpConfiguration",
        "defaultOutboundConnectivityEnabled",
    }
)
_DNS_OWN: Final = frozenset({"appliedDnsServers", "internalDomainNameSuffix", "internalFqdn"})


def interface_body(
    raw_interface: JsonObject,
    *,
    location: str | None = None,
    subnet_id: str | None = None,
    security_group_id: str | None = None,
    public_address_ids: Mapping[str, str] | None = None,
    keep_private_addresses: bool = True,
    tags: Mapping[str, str] | None = None,
) -> JsonObject:
    """An interface like ``raw_interface``.

    ``subnet_id`` moves all its configurations; ``security_group_id`` replaces the group
    (empty: none). ``public_address_ids`` maps names of configurations to public addresses;
    without it none is kept, as an address serves one interface at a time.
    ``keep_private_addresses`` asks for the old static addresses again.
    """
    old = as_object(raw_interface.get("properties"))
    properties: dict[str, JsonValue] = {
        name: value
        for name, value in old.items()
        if name not in _INTERFACE_OWN and name not in READ_ONLY
    }
    properties["ipConfigurations"] = [
        _ip_configuration(
            as_object(entry), subnet_id, public_address_ids or {}, keep_private_addresses
        )
        for entry in as_list(old.get("ipConfigurations"))
    ]
    if security_group_id is not None:
        properties.pop("networkSecurityGroup", None)
        if security_group_id:
            properties["networkSecurityGroup"] = {"id": security_group_id}
    elif "networkSecurityGroup" in properties:
        properties["networkSecurityGroup"] = {"id": dig(old, "networkSecurityGroup", "id")}
    if "dnsSettings" in properties:
        properties["dnsSettings"] = without(as_object(old.get("dnsSettings")), _DNS_OWN)
    return frame(raw_interface, properties, location, None, tags)


def _ip_configuration(
    old: JsonObject,
    subnet_id: str | None,
    public_address_ids: Mapping[str, str],
    keep_private_addresses: bool,
) -> JsonObject:
    properties = dict(without(as_object(old.get("properties")), READ_ONLY))
    name = as_text(old.get("name"))
    subnet: JsonValue = subnet_id or dig(properties, "subnet", "id")
    properties["subnet"] = {"id": subnet}
    static = as_text(properties.get("privateIPAllocationMethod")).lower() == "static"
    if not static or not keep_private_addresses:
        properties.pop("privateIPAddress", None)
        properties["privateIPAllocationMethod"] = "Dynamic"
    properties.pop("publicIPAddress", None)
    properties.pop("privateLinkConnectionProperties", None)
    if name in public_address_ids:
        properties["publicIPAddress"] = {"id": public_address_ids[name]}
    for group in ("applicationSecurityGroups", "loadBalancerBackendAddressPools"):
        if group in properties:
            properties[group] = [
                {"id": as_object(entry).get("id")} for entry in as_list(properties[group])
            ]
    return {"name": name, "properties": properties}
