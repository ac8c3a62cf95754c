"""From what Azure says about a resource to what it takes to make it again.

Pure functions over raw JSON. Members that are unknown here are kept: a configuration must
not lose what a newer api-version added. Only what Azure itself fills in is left out, and
what names the old resource is replaced by what the caller gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kyanite.azure.compute.pages import FOOTER_BYTES
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text, dig

_READ_ONLY: Final = frozenset(
    {"etag", "id", "provisioningState", "resourceGuid", "systemData", "timeCreated", "type"}
)
_MACHINE_OWN: Final = frozenset(
    {"vmId", "instanceView", "osProfile", "storageProfile", "networkProfile", "resources"}
)
"""Machine members that are rebuilt, or that a machine of attached disks may not have."""
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
_DISK_KEPT: Final = (
    "osType",
    "hyperVGeneration",
    "encryption",
    "networkAccessPolicy",
    "diskAccessId",
    "publicNetworkAccess",
    "dataAccessAuthMode",
    "securityProfile",
    "purchasePlan",
    "supportedCapabilities",
    "burstingEnabled",
    "maxShares",
    "tier",
    "optimizedForFrequentAttach",
    "availabilityPolicy",
)
_FREE_PERFORMANCE_SKUS: Final = frozenset({"ultrassd_lrs", "premiumv2_lrs"})
"""Only these take IOPS and throughput of their own; the others derive them from the size."""


def disk_upload_body(
    raw_disk: JsonObject,
    size_bytes: int,
    *,
    location: str | None = None,
    sku: str | None = None,
    zones: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> JsonObject:
    """A disk like ``raw_disk`` that waits for the upload of its bytes.

    What is not given stays as it was; ``zones=()`` takes a zonal disk out of its zone.
    """
    return _disk_body(
        raw_disk,
        {"createOption": "Upload", "uploadSizeBytes": size_bytes + FOOTER_BYTES},
        location=location,
        sku=sku,
        zones=zones,
        tags=tags,
    )


def disk_from_snapshot_body(
    raw_disk: JsonObject,
    snapshot_id: str,
    *,
    location: str | None = None,
    sku: str | None = None,
    zones: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> JsonObject:
    """A disk like ``raw_disk`` with the bytes of a snapshot."""
    return _disk_body(
        raw_disk,
        {"createOption": "Copy", "sourceResourceId": snapshot_id},
        location=location,
        sku=sku,
        zones=zones,
        tags=tags,
    )


def machine_body(
    raw_machine: JsonObject,
    *,
    os_disk_id: str,
    data_disk_ids: Mapping[int, str],
    interface_ids: Sequence[str],
    location: str | None = None,
    size: str | None = None,
    zones: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    replaced: Mapping[str, JsonValue] | None = None,
) -> JsonObject:
    """A machine like ``raw_machine`` of existing disks (data disks by LUN) and interfaces.

    ``interface_ids`` are in the order of the old ones. Data disks whose LUN is not given
    are left out. ``replaced`` replaces further members of ``properties`` (``None`` removes
    one), such as ``availabilitySet``.
    """
    old = as_object(raw_machine.get("properties"))
    properties: dict[str, JsonValue] = {
        name: value
        for name, value in old.items()
        if name not in _MACHINE_OWN and name not in _READ_ONLY
    }
    if size is not None:
        properties["hardwareProfile"] = {"vmSize": size}
    properties["storageProfile"] = _storage_profile(
        as_object(old.get("storageProfile")), os_disk_id, data_disk_ids
    )
    properties["networkProfile"] = _network_profile(
        as_object(old.get("networkProfile")), interface_ids
    )
    for name, value in (replaced or {}).items():
        if value is None:
            properties.pop(name, None)
        else:
            properties[name] = value
    body = _frame(raw_machine, properties, location, zones, tags)
    identity = _identity(raw_machine.get("identity"))
    if identity:
        body["identity"] = identity
    for name in ("plan", "extendedLocation"):
        if raw_machine.get(name) is not None:
            body[name] = raw_machine[name]
    return body


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
        if name not in _INTERFACE_OWN and name not in _READ_ONLY
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
        properties["dnsSettings"] = _without(as_object(old.get("dnsSettings")), _DNS_OWN)
    return _frame(raw_interface, properties, location, None, tags)


def _disk_body(
    raw_disk: JsonObject,
    creation: Mapping[str, JsonValue],
    *,
    location: str | None,
    sku: str | None,
    zones: Sequence[str] | None,
    tags: Mapping[str, str] | None,
) -> JsonObject:
    old = as_object(raw_disk.get("properties"))
    properties: dict[str, JsonValue] = {
        name: old[name] for name in _DISK_KEPT if old.get(name) is not None
    }
    creation_data = dict(creation)
    sector = dig(old, "creationData", "logicalSectorSize")
    if sector is not None:
        creation_data["logicalSectorSize"] = sector
    if dig(old, "creationData", "performancePlus"):
        creation_data["performancePlus"] = True
    properties["creationData"] = creation_data
    old_sku = as_text(dig(raw_disk, "sku", "name"))
    if sku is not None and sku.lower() != old_sku.lower():
        for name in ("tier", "burstingEnabled"):  # belong to the old kind of disk
            properties.pop(name, None)
    elif old_sku.lower() in _FREE_PERFORMANCE_SKUS:
        for name in ("diskIOPSReadWrite", "diskMBpsReadWrite"):
            if old.get(name) is not None:
                properties[name] = old[name]
    body = _frame(raw_disk, properties, location, zones, tags)
    name = sku or old_sku
    if name:
        body["sku"] = {"name": name}
    return body


def _frame(
    raw: JsonObject,
    properties: Mapping[str, JsonValue],
    location: str | None,
    zones: Sequence[str] | None,
    tags: Mapping[str, str] | None,
) -> dict[str, JsonValue]:
    """What every resource has around its properties."""
    body: dict[str, JsonValue] = {
        "location": location or raw.get("location"),
        "properties": properties,
    }
    kept_zones = list(zones) if zones is not None else list(as_list(raw.get("zones")))
    if kept_zones:
        body["zones"] = kept_zones
    kept_tags: JsonValue = dict(tags) if tags is not None else raw.get("tags")
    if kept_tags:
        body["tags"] = kept_tags
    return body


def _storage_profile(
    old: JsonObject, os_disk_id: str, data_disk_ids: Mapping[int, str]
) -> JsonObject:
    profile: dict[str, JsonValue] = {
        "osDisk": _attached(as_object(old.get("osDisk")), os_disk_id),
        "dataDisks": [
            _attached(as_object(entry), data_disk_ids[lun])
            for entry in as_list(old.get("dataDisks"))
            if isinstance(lun := as_object(entry).get("lun"), int) and lun in data_disk_ids
        ],
    }
    if old.get("diskControllerType") is not None:
        profile["diskControllerType"] = old["diskControllerType"]
    return profile


def _attached(old: JsonObject, disk_id: str) -> JsonObject:
    kept = ("osType", "lun", "caching", "deleteOption", "writeAcceleratorEnabled")
    return {
        **{name: old[name] for name in kept if old.get(name) is not None},
        "createOption": "Attach",
        "managedDisk": {"id": disk_id},
    }


def _network_profile(old: JsonObject, interface_ids: Sequence[str]) -> JsonObject:
    entries = [as_object(entry) for entry in as_list(old.get("networkInterfaces"))]
    interfaces: list[JsonValue] = []
    for number, interface_id in enumerate(interface_ids):
        properties: dict[str, JsonValue] = {"primary": number == 0}
        if number < len(entries):
            properties = dict(as_object(entries[number].get("properties"))) or properties
        if len(interface_ids) == 1:
            properties.setdefault("primary", True)
        interfaces.append({"id": interface_id, "properties": properties})
    return {"networkInterfaces": interfaces}


def _identity(raw: JsonValue) -> dict[str, JsonValue]:
    """The identity to ask for: its kind, and which user-assigned ones."""
    old = as_object(raw)
    kind = as_text(old.get("type"))
    if not kind or kind.lower() == "none":
        return {}
    identity: dict[str, JsonValue] = {"type": kind}
    assigned = as_object(old.get("userAssignedIdentities"))
    if assigned:
        identity["userAssignedIdentities"] = {name: {} for name in assigned}
    return identity


def _ip_configuration(
    old: JsonObject,
    subnet_id: str | None,
    public_address_ids: Mapping[str, str],
    keep_private_addresses: bool,
) -> JsonObject:
    properties = dict(_without(as_object(old.get("properties")), _READ_ONLY))
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


def _without(raw: JsonObject, names: frozenset[str]) -> JsonObject:
    return {name: value for name, value in raw.items() if name not in names}
