"""Microsoft.Network/publicIPAddresses."""

from __future__ import annotations

from azlab.core.arm import ArmCall, delete_later
from azlab.core.http import Response
from azlab.core.json_types import (
    JsonObject,
    integer_at,
    make_object_at,
    object_at,
    text_at,
    texts_at,
)
from azlab.core.resources import Record
from azlab.core.state import Transaction
from azlab.services.network import errors
from azlab.services.network.bodies import accepted, checked, keep, placed, tagged
from azlab.services.network.references import IpUse, ip_uses

_COUNTER_KIND, _COUNTER_KEY = "lab", "public-addresses"
_KEPT = ("dnsSettings", "ddosSettings", "ipTags", "deleteOption", "publicIPPrefix")


def present(call: ArmCall, record: Record) -> JsonObject:
    """An address with the interface that has it; a dynamic one has no number without one."""
    properties = make_object_at(record.body, "properties")
    user = user_of(call, record)
    if user is not None:
        properties["ipConfiguration"] = {"id": user.id}
    elif text_at(properties, "publicIPAllocationMethod") == "Dynamic":
        properties.pop("ipAddress", None)
    return record.body


def user_of(call: ArmCall, record: Record) -> IpUse | None:
    """The IP configuration that has the address."""
    return next((use for use in ip_uses(call) if use.public_address == record.id.key), None)


def put_address(call: ArmCall) -> Response:
    """Create or change a public address; it keeps its number."""
    asked = checked(call, "PublicIPAddress")
    known = call.lab.resources.find(call.tx, call.id)
    location = placed(call, asked, known)
    sku = text_at(asked, "sku", "name").capitalize() or "Basic"
    if sku not in ("Basic", "Standard"):
        raise errors.invalid("InvalidSku", f"The sku '{sku}' does not exist.")
    method = text_at(asked, "properties", "publicIPAllocationMethod").capitalize()
    method = method or ("Static" if sku == "Standard" else "Dynamic")
    if method not in ("Static", "Dynamic"):
        raise errors.invalid("InvalidAllocationMethod", f"'{method}' does not exist.")
    if sku == "Standard" and method == "Dynamic":
        raise errors.invalid(
            "StandardSkuPublicIPAddressesMustBeStatic",
            f"Standard sku publicIp {call.id.text} must have AllocationMethod set to Static.",
        )
    if text_at(asked, "properties", "publicIPAddressVersion").lower() == "ipv6":
        raise errors.invalid("NotImplemented", "The lab does not simulate IPv6 addresses.")
    before = object_at(known.body, "properties") if known is not None else {}
    asked_properties = object_at(asked, "properties")
    properties: JsonObject = {
        k: v for k, v in asked_properties.items() if k in _KEPT and v is not None
    }
    properties |= {
        "provisioningState": "Updating",
        "publicIPAllocationMethod": method,
        "publicIPAddressVersion": "IPv4",
        "idleTimeoutInMinutes": integer_at(asked_properties, "idleTimeoutInMinutes") or 4,
        "ipAddress": text_at(before, "ipAddress") or _next_number(call.tx),
    }
    if label := text_at(properties, "dnsSettings", "domainNameLabel"):
        settings: JsonObject = {**object_at(properties, "dnsSettings")}
        settings["fqdn"] = f"{label.lower()}.{location}.cloudapp.lab.invalid"
        properties["dnsSettings"] = settings
    tier = text_at(asked, "sku", "tier") or "Regional"
    body: JsonObject = {
        "location": location,
        "sku": {"name": sku, "tier": tier},
        "properties": properties,
    }
    if zones := texts_at(asked, "zones"):
        body["zones"] = [*zones]
    stored = keep(call, call.id, tagged(body, asked), known)
    record = Record(known.id if known is not None else call.id, stored, "", "")
    return accepted(call, present(call, record), location, known)


def delete_address(call: ArmCall) -> Response:
    """Delete an address that no interface has."""
    record = call.lab.resources.find(call.tx, call.id)
    if record is not None and (user := user_of(call, record)) is not None:
        raise errors.address_in_use(record.id.text, user.id)
    return delete_later(call)


def _next_number(tx: Transaction) -> str:
    """A number of TEST-NET-3 and then of the benchmarking net: never one of somebody real."""
    count = integer_at(tx.get(_COUNTER_KIND, _COUNTER_KEY) or {}, "count") or 0
    tx.put(_COUNTER_KIND, _COUNTER_KEY, {"count": count + 1})
    if count < 254:
        return f"203.0.113.{count + 1}"
    rest = count - 254
    return f"198.{18 + rest // 65536 % 2}.{rest // 256 % 256}.{rest % 256}"
