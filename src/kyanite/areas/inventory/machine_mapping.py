"""From Azure's JSON of machines, disks and interfaces to the row of a machine. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

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

_Facts = TypeVar("_Facts")


class DiskFacts(NamedTuple):
    """What a disk adds to its machine."""

    size_bytes: int
    os_type: str


class InterfaceFacts(NamedTuple):
    """What the primary configuration of a network interface says; ids as Azure writes them."""

    subnet_id: str
    private_ip: str
    public_address_id: str


class AddressFacts(NamedTuple):
    """What a public address is."""

    ip: str
    dns_name: str


@dataclass(frozen=True)
class Surroundings:
    """What lies around the machines of a subscription, each by lower-cased ARM id.

    A mapping stays empty when the account may not read that kind: the members it would fill
    are unknown then, and nothing else suffers. Only what machines need is kept: the documents
    themselves are the larger part of what Azure tells.
    """

    disks: Mapping[str, DiskFacts] = field(default_factory=dict)
    interfaces: Mapping[str, InterfaceFacts] = field(default_factory=dict)
    public_addresses: Mapping[str, AddressFacts] = field(default_factory=dict)
    power_states: Mapping[str, str] = field(default_factory=dict)


def by_id(
    resources: Iterable[JsonObject], facts: Callable[[JsonObject], _Facts]
) -> dict[str, _Facts]:
    """What is needed of the resources, by their lower-cased id."""
    return {as_text(resource.get("id")).lower(): facts(resource) for resource in resources}


def disk_facts(raw: JsonObject) -> DiskFacts:
    """Of a disk as Azure lists it."""
    return DiskFacts(disk_size_bytes(raw), as_text(dig(raw, "properties", "osType")))


def interface_facts(raw: JsonObject) -> InterfaceFacts:
    """Of a network interface as Azure lists it."""
    configuration = _primary(as_list(dig(raw, "properties", "ipConfigurations")))
    properties = as_object(dig(configuration, "properties"))
    return InterfaceFacts(
        as_text(dig(properties, "subnet", "id")),
        as_text(properties.get("privateIPAddress")),
        as_text(dig(properties, "publicIPAddress", "id")),
    )


def address_facts(raw: JsonObject) -> AddressFacts:
    """Of a public address as Azure lists it."""
    properties = as_object(raw.get("properties"))
    fqdn = as_text(dig(properties, "dnsSettings", "fqdn"))
    return AddressFacts(as_text(properties.get("ipAddress")), fqdn)


def power_state_of(raw: JsonObject) -> str:
    """Of a machine as the list of states shows it; empty when it is unknown."""
    return power_state(as_object(dig(raw, "properties", "instanceView")))


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
        "power_state": around.power_states.get(azure_id.lower()) or None,
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
        disk = around.disks.get(as_text(dig(os_disk, "managedDisk", "id")).lower())
        text = disk.os_type if disk is not None else ""
    return {"windows": "Windows", "linux": "Linux"}.get(text.lower(), "Unknown")


def _disk_bytes(attached: JsonObject, around: Surroundings) -> int:
    """The size of an attached disk: the disk's own word, else the machine's about it."""
    disk = around.disks.get(as_text(dig(attached, "managedDisk", "id")).lower())
    if disk is not None:
        return disk.size_bytes
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
    network, subnet = _subnet(interface.subnet_id)
    public = around.public_addresses.get(interface.public_address_id.lower())
    return {
        "virtual_network": network,
        "subnet": subnet,
        "private_ip": interface.private_ip or None,
        "public_ip": (public.ip or None) if public is not None else None,
        "dns_name": (public.dns_name or None) if public is not None else None,
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
