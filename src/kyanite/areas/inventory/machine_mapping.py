"""From Azure's JSON of machines, disks and interfaces to the row of a machine. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from kyanite.azure.compute.machines import power_state
from kyanite.base.azure_names import ArmId, region_code
from kyanite.base.errors import Invalid
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import (
    JsonObject,
    JsonValue,
    as_list,
    as_object,
    as_text,
    as_text_map,
    dig,
)
from kyanite.base.units import GIB
from kyanite.rules.disk_size import disk_size_bytes


@dataclass(frozen=True)
class Surroundings:
    """What lies around the machines of a subscription, each by lower-cased ARM id.

    A mapping stays empty when the account may not read that kind: the members it would fill
    are unknown then, and nothing else suffers.
    """

    disks: Mapping[str, JsonObject] = field(default_factory=dict)
    interfaces: Mapping[str, JsonObject] = field(default_factory=dict)
    public_addresses: Mapping[str, JsonObject] = field(default_factory=dict)
    statuses: Mapping[str, JsonObject] = field(default_factory=dict)


def by_id(
    resources: Iterable[JsonObject], members: Collection[str] | None = None
) -> dict[str, JsonObject]:
    """Resources by their lower-cased id; with ``members`` only these of their properties."""
    found: dict[str, JsonObject] = {}
    for resource in resources:
        kept = resource
        if members is not None:
            properties = as_object(resource.get("properties"))
            kept = {"properties": {m: properties[m] for m in members if m in properties}}
        found[as_text(resource.get("id")).lower()] = kept
    return found


def machine_row(raw: JsonObject, around: Surroundings) -> dict[str, object]:
    """The columns of ``MachineRow``. Raises ``Invalid`` when ``raw`` has no usable id."""
    azure_id = as_text(raw.get("id"))
    arm_id = ArmId.parse(azure_id)
    storage = dig(raw, "properties", "storageProfile")
    os_disk = as_object(dig(storage, "osDisk"))
    ephemeral = as_text(dig(os_disk, "diffDiskSettings", "option")).lower() == "local"
    data_disks = sorted(
        map(as_object, as_list(dig(storage, "dataDisks"))),
        key=lambda disk: int(str(disk.get("lun") or 0)),
    )
    attached = [os_disk, *data_disks] if os_disk else list(data_disks)
    managed = [
        as_text(dig(disk, "managedDisk", "id"))
        for disk in attached
        if dig(disk, "managedDisk", "id") and not (ephemeral and disk is os_disk)
    ]
    status = around.statuses.get(azure_id.lower(), {})
    network = _network(raw, around)
    return {
        "id": system_id(azure_id),
        "azure_id": azure_id,
        "name": as_text(raw.get("name")) or arm_id.name,
        "subscription_id": arm_id.subscription_id.lower(),
        "resource_group": arm_id.group,
        "region": region_code(as_text(raw.get("location"))),
        "os_type": _os_type(os_disk, around),
        "vm_size": as_text(dig(raw, "properties", "hardwareProfile", "vmSize")),
        "zone": next((as_text(zone) for zone in as_list(raw.get("zones"))), None),
        "power_state": power_state(as_object(dig(status, "properties", "instanceView"))) or None,
        "tags": as_text_map(raw.get("tags")),
        "total_size_bytes": sum(_disk_bytes(disk, around) for disk in attached),
        "disk_count": len(attached),
        "disk_azure_ids": managed,
        "has_ephemeral_os_disk": ephemeral,
        "has_unmanaged_disks": any(dig(disk, "vhd", "uri") for disk in attached),
        **network,
    }


def _os_type(os_disk: JsonObject, around: Surroundings) -> str:
    text = as_text(os_disk.get("osType"))
    if not text:
        disk = around.disks.get(as_text(dig(os_disk, "managedDisk", "id")).lower(), {})
        text = as_text(dig(disk, "properties", "osType"))
    return {"windows": "Windows", "linux": "Linux"}.get(text.lower(), "Unknown")


def _disk_bytes(attached: JsonObject, around: Surroundings) -> int:
    """The size of an attached disk: the disk's own word, else the machine's about it."""
    disk = around.disks.get(as_text(dig(attached, "managedDisk", "id")).lower())
    if disk is not None:
        return disk_size_bytes(disk)
    size_gib = attached.get("diskSizeGB")
    return int(size_gib) * GIB if isinstance(size_gib, int) else 0


def _network(raw: JsonObject, around: Surroundings) -> dict[str, object]:
    """Network members from the primary configuration of the primary interface."""
    empty: dict[str, object] = dict.fromkeys(
        ("virtual_network", "subnet", "private_ip", "public_ip", "dns_name")
    )
    references = as_list(dig(raw, "properties", "networkProfile", "networkInterfaces"))
    reference = _primary(references)
    interface = around.interfaces.get(as_text(dig(reference, "id")).lower())
    if interface is None:
        return empty
    configuration = _primary(as_list(dig(interface, "properties", "ipConfigurations")))
    properties = as_object(dig(configuration, "properties"))
    public = around.public_addresses.get(
        as_text(dig(properties, "publicIPAddress", "id")).lower(), {}
    )
    network, subnet = _subnet(as_text(dig(properties, "subnet", "id")))
    return {
        "virtual_network": network,
        "subnet": subnet,
        "private_ip": as_text(properties.get("privateIPAddress")) or None,
        "public_ip": as_text(dig(public, "properties", "ipAddress")) or None,
        "dns_name": as_text(dig(public, "properties", "dnsSettings", "fqdn")) or None,
    }


def _primary(entries: Iterable[JsonValue]) -> JsonObject:
    """The entry marked primary, else the first."""
    objects = [as_object(entry) for entry in entries]
    for entry in objects:
        if dig(entry, "properties", "primary") is True or entry.get("primary") is True:
            return entry
    return objects[0] if objects else {}


def _subnet(subnet_id: str) -> tuple[str | None, str | None]:
    """(network, subnet) of a subnet's id."""
    try:
        names = ArmId.parse(subnet_id).names
    except Invalid:
        return None, None
    return (names[0], names[1]) if len(names) > 1 else (None, None)
