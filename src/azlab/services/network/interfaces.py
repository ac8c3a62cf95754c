"""Microsoft.Network/networkInterfaces: addresses given, references checked."""

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
from azlab.core.resource_ids import ResourceId, parse
from azlab.core.resources import Record
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.network import errors
from azlab.services.network.addresses import check_static, next_free
from azlab.services.network.bodies import accepted, checked, keep, placed, tagged
from azlab.services.network.references import (
    ADDRESSES,
    GROUPS,
    NICS,
    SUBNETS,
    ip_uses,
    referred,
)
from azlab.services.network.subnets import prefixes_of

_KEPT = (
    "auxiliaryMode",
    "auxiliarySku",
    "disableTcpStateTracking",
    "workloadType",
)


def present(call: ArmCall, record: Record) -> JsonObject:  # noqa: ARG001
    """An interface; the hardware address is there while a machine has it, as in Azure."""
    properties = make_object_at(record.body, "properties")
    if text_at(properties, "virtualMachine", "id"):
        digits = text_at(properties, "resourceGuid").replace("-", "").upper()
        properties["macAddress"] = f"00-0D-3A-{digits[0:2]}-{digits[2:4]}-{digits[4:6]}"
    return record.body


def put_interface(call: ArmCall) -> Response:
    """Create or change an interface; it keeps its addresses and its machine."""
    asked = checked(call, "NetworkInterface")
    known = call.lab.resources.find(call.tx, call.id)
    location = placed(call, asked, known)
    before = object_at(known.body, "properties") if known is not None else {}
    asked_properties = object_at(asked, "properties")
    properties: JsonObject = {
        k: v for k, v in asked_properties.items() if k in _KEPT and v is not None
    }
    properties |= {
        "provisioningState": "Updating",
        "ipConfigurations": [*_configurations(call, asked, location)],
        "dnsSettings": _dns_settings(asked_properties),
        "enableAcceleratedNetworking": asked_properties.get("enableAcceleratedNetworking") or False,
        "enableIPForwarding": asked_properties.get("enableIPForwarding") or False,
        "vnetEncryptionSupported": False,
        "nicType": text_at(asked_properties, "nicType") or "Standard",
        "tapConfigurations": [],
        "hostedWorkloads": [],
    }
    group = text_at(asked_properties, "networkSecurityGroup", "id")
    if group:
        found = referred(call, group, GROUPS, location)
        call.require_linked(f"{GROUPS}/join/action", found.id.text)
        properties["networkSecurityGroup"] = {"id": found.id.text}
    for name in ("virtualMachine", "primary"):
        if name in before:
            properties[name] = before[name]
    body = tagged({"location": location, "properties": properties}, asked)
    stored = keep(call, call.id, body, known)
    record = Record(known.id if known is not None else call.id, stored, "", "")
    return accepted(call, present(call, record), location, known)


def delete_interface(call: ArmCall) -> Response:
    """Delete an interface that no machine has."""
    record = call.lab.resources.find(call.tx, call.id)
    if record is not None:
        machine_id = text_at(record.body, "properties", "virtualMachine", "id")
        if machine_id:
            raise errors.interface_in_use(record.id.text, machine_id)
    return delete_later(call)


class InterfaceCleaner:
    """Public addresses that go with their interface (deleteOption Delete) go when it does."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def __call__(self, tx: Transaction, resource_id: ResourceId, body: JsonObject) -> None:  # noqa: ARG002
        for config in objects_at(body, "properties", "ipConfigurations"):
            address = object_at(config, "properties", "publicIPAddress")
            if text_at(address, "properties", "deleteOption").lower() == "delete":
                self._lab.resources.remove(tx, parse(text_at(address, "id")))


def _configurations(call: ArmCall, asked: JsonObject, location: str) -> list[JsonValue]:
    configs = objects_at(asked, "properties", "ipConfigurations")
    if not configs:
        raise errors.invalid(
            "NetworkInterfaceMustHaveOneIpConfiguration",
            f"Network interface {call.id.name} must have one or more IP configurations.",
        )
    primary = [one for one in configs if object_at(one, "properties").get("primary") is True]
    if len(configs) > 1 and len(primary) != 1:
        raise errors.invalid(
            "NetworkInterfaceMustHaveExactlyOnePrimaryIpConfiguration",
            f"Network interface {call.id.name} must have exactly one primary IP configuration.",
        )
    taken: dict[str, set[str]] = {}
    kept: dict[tuple[str, str], str] = {}
    for use in ip_uses(call):
        if use.nic.id.key == call.id.key:
            kept[text_at(use.config, "name").lower(), use.subnet] = use.private_address
        else:
            taken.setdefault(use.subnet, set()).add(use.private_address)
    found: list[JsonValue] = []
    names: set[str] = set()
    for one in configs:
        name = text_at(one, "name")
        if not name or name.lower() in names:
            raise errors.missing_member("ipConfigurations.name", call.id.text)
        names.add(name.lower())
        found.append(_configuration(call, one, location, len(configs) == 1, taken, kept))
    return found


def _configuration(
    call: ArmCall,
    asked: JsonObject,
    location: str,
    alone: bool,
    taken: dict[str, set[str]],
    kept: dict[tuple[str, str], str],
) -> JsonObject:
    name = text_at(asked, "name")
    properties = object_at(asked, "properties")
    subnet = referred(call, text_at(properties, "subnet", "id"), SUBNETS, location)
    call.require_linked(f"{SUBNETS}/join/action", subnet.id.text)
    if text_at(properties, "privateIPAddressVersion").lower() == "ipv6":
        raise errors.invalid("NotImplemented", "The lab does not simulate IPv6 addresses.")
    method = text_at(properties, "privateIPAllocationMethod").capitalize() or "Dynamic"
    prefixes = prefixes_of(object_at(subnet.body, "properties"), subnet.id.name)
    used = taken.setdefault(subnet.id.key, set())
    if method == "Static":
        wanted = text_at(properties, "privateIPAddress")
        if not wanted:
            raise errors.missing_member("privateIPAddress", call.id.text)
        address = check_static(wanted, prefixes, used, subnet.id.name)
    elif method == "Dynamic":
        address = kept.get((name.lower(), subnet.id.key), "")
        if not address or address in used:
            address = next_free(prefixes, used, subnet.id.name)
    else:
        raise errors.invalid("InvalidAllocationMethod", f"'{method}' does not exist.")
    used.add(address)
    filled: JsonObject = {
        "provisioningState": "Succeeded",
        "privateIPAddress": address,
        "privateIPAllocationMethod": method,
        "subnet": {"id": subnet.id.text},
        "primary": alone or properties.get("primary") is True,
        "privateIPAddressVersion": "IPv4",
    }
    if properties.get("applicationSecurityGroups"):
        filled["applicationSecurityGroups"] = properties["applicationSecurityGroups"]
    if text_at(properties, "publicIPAddress", "id"):
        filled["publicIPAddress"] = _public_address(call, properties, location)
    return {
        "name": name,
        "id": f"{call.id.text}/ipConfigurations/{name}",
        "type": f"{NICS}/ipConfigurations",
        "properties": filled,
    }


def _public_address(call: ArmCall, properties: JsonObject, location: str) -> JsonObject:
    asked = object_at(properties, "publicIPAddress")
    found = referred(call, text_at(asked, "id"), ADDRESSES, location)
    call.require_linked(f"{ADDRESSES}/join/action", found.id.text)
    for use in ip_uses(call):
        if use.public_address == found.id.key and use.nic.id.key != call.id.key:
            raise errors.invalid(
                "PublicIPAddressInUse",
                f"Resource {call.id.text} is referencing public IP address {found.id.text} that "
                f"is already allocated to resource {use.id}.",
            )
    kept: JsonObject = {"id": found.id.text}
    option = text_at(asked, "properties", "deleteOption") or text_at(asked, "deleteOption")
    if option:
        kept["properties"] = {"deleteOption": option.capitalize()}
    return kept


def _dns_settings(properties: JsonObject) -> JsonObject:
    asked = object_at(properties, "dnsSettings")
    return {
        "dnsServers": asked.get("dnsServers") or [],
        "appliedDnsServers": asked.get("dnsServers") or [],
        "internalDomainNameSuffix": "internal.lab.invalid",
        **(
            {"internalDnsNameLabel": asked["internalDnsNameLabel"]}
            if asked.get("internalDnsNameLabel")
            else {}
        ),
    }
