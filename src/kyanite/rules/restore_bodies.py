"""Request bodies made from what Azure answered: what can be sent back, and what cannot.

Members that Azure sets itself are left out, everything else travels unchanged, also members this
program has never heard of (docs/behaviour/virtual-machines.md, section 14).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kyanite.base.errors import Invalid
from kyanite.base.json_types import (
    JsonObject,
    JsonValue,
    as_list,
    as_object,
    as_text,
    as_text_map,
    dig,
)
from kyanite.rules.disk_size import VHD_FOOTER_BYTES, disk_size_bytes

# Set by Azure; a request that carries them is refused or ignored.
_MACHINE_OUTPUTS = frozenset(
    {"vmId", "provisioningState", "instanceView", "timeCreated", "osProfile", "storageProfile",
     "networkProfile"}
)  # fmt: skip
_DISK_CARRIED = (
    "osType", "hyperVGeneration", "purchasePlan", "supportedCapabilities", "encryption",
    "securityProfile", "networkAccessPolicy", "diskAccessId", "publicNetworkAccess", "tier",
    "burstingEnabled", "diskIOPSReadWrite", "diskMBpsReadWrite", "diskIOPSReadOnly",
    "diskMBpsReadOnly", "maxShares", "optimizedForFrequentAttach", "dataAccessAuthMode",
    "supportsHibernation", "availabilityPolicy",
)  # fmt: skip
_INTERFACE_CARRIED = (
    "enableAcceleratedNetworking", "enableIPForwarding", "dnsSettings", "networkSecurityGroup",
    "disableTcpStateTracking", "auxiliaryMode", "auxiliarySku", "nicType",
)  # fmt: skip
_DNS_CARRIED = ("dnsServers", "internalDnsNameLabel")
_DISK_RATES = (
    "diskIOPSReadWrite", "diskMBpsReadWrite", "diskIOPSReadOnly", "diskMBpsReadOnly",
)  # fmt: skip
_ATTACHMENT_CARRIED = ("osType", "lun", "caching", "writeAcceleratorEnabled", "deleteOption")
_ADDRESS_CARRIED = (
    "subnet", "publicIPAddress", "primary", "privateIPAddressVersion",
    "privateIPAllocationMethod", "applicationSecurityGroups", "loadBalancerBackendAddressPools",
)  # fmt: skip
_PUBLIC_ADDRESS_CARRIED = (
    "publicIPAllocationMethod", "publicIPAddressVersion", "idleTimeoutInMinutes", "ddosSettings",
    "ipTags", "publicIPPrefix", "deleteOption",
)  # fmt: skip
_PREMIUM_RATES = frozenset({"PremiumV2_LRS", "UltraSSD_LRS"})
"""Only these disks take their rates as input; for the others Azure derives them from the size."""


def disk_body(
    disk: JsonObject, region: str, zone: str | None, extra_tags: Mapping[str, str]
) -> JsonObject:
    """The body that creates a disk like ``disk`` for direct upload, in ``region``."""
    sku = as_text(dig(disk, "sku", "name"))
    old = as_object(disk.get("properties"))
    properties: dict[str, JsonValue] = {
        name: old[name] for name in _DISK_CARRIED if old.get(name) is not None
    }
    if sku not in _PREMIUM_RATES:
        for name in _DISK_RATES:
            properties.pop(name, None)
    creation: dict[str, JsonValue] = {
        "createOption": "Upload",
        "uploadSizeBytes": disk_size_bytes(disk) + VHD_FOOTER_BYTES,
    }
    sector = dig(old, "creationData", "logicalSectorSize")
    if sector is not None:
        creation["logicalSectorSize"] = sector
    properties["creationData"] = creation
    moved = region.lower() != as_text(disk.get("location")).lower()
    if moved:
        # A key of another region cannot be used: platform-managed keys (section 14.3).
        properties.pop("encryption", None)
        properties.pop("diskAccessId", None)
    body: dict[str, JsonValue] = {
        "location": region,
        "tags": {**as_text_map(disk.get("tags")), **extra_tags},
        "properties": properties,
    }
    if sku:
        body["sku"] = {"name": sku}
    zones = zones_for(disk, zone, moved)
    if zones:
        body["zones"] = zones
    return body


def zones_for(raw: JsonObject, zone: str | None, moved: bool) -> list[JsonValue]:
    """The zones of a copy of ``raw``: the one asked for, else the old ones in the same region."""
    if zone:
        return [zone]
    return [] if moved else list(as_list(raw.get("zones")))


def machine_properties(
    old: JsonObject, disks: Mapping[str, str], interfaces: Sequence[str]
) -> dict[str, JsonValue]:
    """The properties of a machine like the one with properties ``old``.

    ``disks`` maps ARM ids of source disks (lower case) to the ids of the restored ones,
    ``interfaces`` are the ids of the new interfaces in the old order. Raises ``Invalid`` when
    the system disk is not among the disks.
    """
    properties: dict[str, JsonValue] = {
        k: v for k, v in old.items() if k not in _MACHINE_OUTPUTS and v is not None
    }
    properties["storageProfile"] = _storage_profile(as_object(old.get("storageProfile")), disks)
    properties["networkProfile"] = _network_profile(
        as_object(old.get("networkProfile")), interfaces
    )
    return properties


def _storage_profile(old: JsonObject, disks: Mapping[str, str]) -> JsonObject:
    def attached(entry: JsonObject) -> JsonObject | None:
        restored = disks.get(as_text(dig(entry, "managedDisk", "id")).lower())
        if restored is None:
            return None
        kept = {name: entry[name] for name in _ATTACHMENT_CARRIED if entry.get(name) is not None}
        return {**kept, "createOption": "Attach", "managedDisk": {"id": restored}}

    profile: dict[str, JsonValue] = {}
    if old.get("diskControllerType") is not None:
        profile["diskControllerType"] = old["diskControllerType"]
    system = attached(as_object(old.get("osDisk")))
    if system is None:
        raise Invalid(
            "The restore point does not hold the system disk of the machine; restore disks instead"
        )
    profile["osDisk"] = system
    data = (attached(as_object(entry)) for entry in as_list(old.get("dataDisks")))
    profile["dataDisks"] = [entry for entry in data if entry is not None]
    return profile


def _network_profile(old: JsonObject, interfaces: Sequence[str]) -> JsonObject:
    references = [as_object(r) for r in as_list(old.get("networkInterfaces"))]
    entries: list[JsonValue] = []
    for number, interface_id in enumerate(interfaces):
        reference = references[number] if number < len(references) else {}
        settings = as_object(reference.get("properties"))
        kept = {k: v for k, v in settings.items() if k in ("primary", "deleteOption")}
        entries.append({"id": interface_id, "properties": kept} if kept else {"id": interface_id})
    return {"networkInterfaces": entries}


def identity_body(old: JsonObject) -> JsonObject:
    """The managed identities of a machine as a request names them; empty when it has none."""
    kind = as_text(old.get("type"))
    if not kind or kind == "None":
        return {}
    assigned = as_object(old.get("userAssignedIdentities"))
    if not assigned:
        return {"type": kind}
    return {"type": kind, "userAssignedIdentities": {name: {} for name in assigned}}


def interface_properties(raw: JsonObject) -> dict[str, JsonValue]:
    """Settings of an interface that a new one can have too, its addresses left out."""
    old = as_object(raw.get("properties"))
    kept = {name: old[name] for name in _INTERFACE_CARRIED if old.get(name) is not None}
    dns = as_object(kept.pop("dnsSettings", None))
    settings = {name: dns[name] for name in _DNS_CARRIED if dns.get(name)}
    if settings:
        kept["dnsSettings"] = settings
    group = as_text(dig(kept, "networkSecurityGroup", "id"))
    if group:
        kept["networkSecurityGroup"] = {"id": group}
    return kept


def same_interface(raw: JsonObject) -> JsonObject:
    """The body that makes an interface again at its old place, static addresses included."""
    return _interface_again(raw, pin=False)


def pinned_interface(raw: JsonObject) -> JsonObject | None:
    """The same with its dynamic addresses asked for as static ones; ``None`` when it has none.

    An interface that is made with this body, and then changed to ``same_interface``, has the
    addresses it had before, and they are dynamic again: Azure keeps an address that it has given.
    """
    entries = [as_object(entry) for entry in as_list(dig(raw, "properties", "ipConfigurations"))]
    if all(dig(e, "properties", "privateIPAllocationMethod") == "Static" for e in entries):
        return None
    return _interface_again(raw, pin=True)


def _interface_again(raw: JsonObject, *, pin: bool) -> JsonObject:
    configurations: list[JsonValue] = []
    for entry in as_list(dig(raw, "properties", "ipConfigurations")):
        old = as_object(as_object(entry).get("properties"))
        kept = {name: old[name] for name in _ADDRESS_CARRIED if old.get(name) is not None}
        for reference in ("subnet", "publicIPAddress"):
            if reference in kept:
                kept[reference] = {"id": as_text(dig(kept, reference, "id"))}
        if pin:
            kept["privateIPAllocationMethod"] = "Static"
        if kept.get("privateIPAllocationMethod") == "Static":
            kept["privateIPAddress"] = old.get("privateIPAddress")
        configurations.append({"name": as_object(entry).get("name"), "properties": kept})
    return {
        "location": raw.get("location"),
        "tags": as_text_map(raw.get("tags")),
        "properties": {**interface_properties(raw), "ipConfigurations": configurations},
    }


def same_address(raw: JsonObject) -> JsonObject:
    """The body that makes a public address again: its name and settings, not its number."""
    old = as_object(raw.get("properties"))
    kept = {name: old[name] for name in _PUBLIC_ADDRESS_CARRIED if old.get(name) is not None}
    body: dict[str, JsonValue] = {
        "location": raw.get("location"),
        "tags": as_text_map(raw.get("tags")),
        "properties": kept,
    }
    for name in ("sku", "zones"):
        if raw.get(name) is not None:
            body[name] = raw[name]
    return body
