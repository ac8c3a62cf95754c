"""What has to be created to bring a machine or its disks back, in which order.

Pure: a recipe (the raw configuration of machine, disks and interfaces as Azure gave it when the
point was made) and a target in, a plan of requests out
(docs/behaviour/virtual-machines.md, section 14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kyanite.base.azure_names import arm_id, id_part
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
from kyanite.rules.disk_size import disk_size_bytes
from kyanite.rules.restore_bodies import (
    disk_body,
    identity_body,
    interface_properties,
    machine_properties,
    pinned_interface,
    same_address,
    same_interface,
    zones_for,
)

NAME_LENGTH = 80
"""Longest name of disks and interfaces in Azure."""


@dataclass(frozen=True)
class DiskTarget:
    """Where one disk goes; what is ``None`` stays as it was."""

    name: str | None = None
    subscription_id: str | None = None
    resource_group: str | None = None
    region: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class MachineTarget:
    """A new location or other settings for a machine; ``None`` stays as it was.

    ``subnet_id``, ``security_group_id`` and ``availability_set_id`` are ARM ids of resources
    that exist. ``disks`` maps ARM ids of source disks (lower case) to their own targets.
    """

    name: str | None = None
    subscription_id: str | None = None
    resource_group: str | None = None
    region: str | None = None
    vm_size: str | None = None
    subnet_id: str | None = None
    security_group_id: str | None = None
    availability_set_id: str | None = None
    zone: str | None = None
    disks: Mapping[str, DiskTarget] = field(default_factory=dict)


@dataclass(frozen=True)
class DiskPlan:
    """A disk to create by direct upload."""

    source_id: str
    """ARM id of the disk when the point was made."""
    target_id: str
    body: JsonObject
    size_bytes: int


@dataclass(frozen=True)
class ResourcePlan:
    """Any other resource to create with a PUT of ``body`` at ``target_id``.

    ``first`` is a body to try before, which asks for more than can be promised: an interface
    with the addresses that it had.
    """

    target_id: str
    body: JsonObject
    first: JsonObject | None = None


@dataclass(frozen=True)
class MachinePlan:
    """Everything to create for a machine, in this order."""

    disks: tuple[DiskPlan, ...]
    addresses: tuple[ResourcePlan, ...]
    """Public addresses; one that still exists is left as it is."""
    interfaces: tuple[ResourcePlan, ...]
    """One that still exists and is free is used as it is."""
    machine: ResourcePlan


def plan_disk(disk: JsonObject, target: DiskTarget, extra_tags: Mapping[str, str]) -> DiskPlan:
    """A disk like ``disk`` (its raw configuration) at ``target``."""
    source_id = as_text(disk.get("id"))
    region = target.region or as_text(disk.get("location"))
    target_id = arm_id(
        target.subscription_id or id_part(source_id, "subscriptions"),
        target.resource_group or id_part(source_id, "resourceGroups"),
        "Microsoft.Compute/disks",
        target.name or as_text(disk.get("name")),
    )
    body = disk_body(disk, region, target.zone, extra_tags)
    return DiskPlan(source_id, target_id, body, disk_size_bytes(disk))


def plan_machine(
    recipe: JsonObject, target: MachineTarget | None, extra_tags: Mapping[str, str]
) -> MachinePlan:
    """The whole machine of ``recipe``: at its old place (``target`` is ``None``) or elsewhere.

    ``extra_tags`` go onto the disks, so that a restore can tell what it made. Raises ``Invalid``
    when the recipe holds no machine or no system disk, or both a zone and an availability set
    are asked for.
    """
    machine = as_object(recipe.get("machine"))
    if not as_text(machine.get("id")):
        raise Invalid("The restore point holds no machine configuration; restore its disks instead")
    if target and target.zone and target.availability_set_id:
        raise Invalid.member(
            "availabilityZone", "Choose an availability zone or an availability set, not both"
        )
    if target is None:
        return _at_its_old_place(recipe, machine, extra_tags)
    return _elsewhere(recipe, machine, target, extra_tags)


def _at_its_old_place(
    recipe: JsonObject, machine: JsonObject, extra_tags: Mapping[str, str]
) -> MachinePlan:
    disks = tuple(
        plan_disk(as_object(raw), DiskTarget(), extra_tags) for raw in as_list(recipe.get("disks"))
    )
    addresses = tuple(
        ResourcePlan(as_text(as_object(raw).get("id")), same_address(as_object(raw)))
        for raw in as_list(recipe.get("publicAddresses"))
    )
    interfaces = tuple(
        ResourcePlan(as_text(raw.get("id")), same_interface(raw), first=pinned_interface(raw))
        for raw in (as_object(entry) for entry in as_list(recipe.get("interfaces")))
    )
    body = _machine_body(
        machine,
        MachineTarget(),
        {plan.source_id.lower(): plan.target_id for plan in disks},
        [plan.target_id for plan in interfaces],
    )
    machine_id = as_text(machine.get("id"))
    return MachinePlan(disks, addresses, interfaces, ResourcePlan(machine_id, body))


def _elsewhere(
    recipe: JsonObject,
    machine: JsonObject,
    target: MachineTarget,
    extra_tags: Mapping[str, str],
) -> MachinePlan:
    source_id = as_text(machine.get("id"))
    subscription = target.subscription_id or id_part(source_id, "subscriptions")
    group = target.resource_group or id_part(source_id, "resourceGroups")
    name = target.name or as_text(machine.get("name"))
    region = target.region or as_text(machine.get("location"))
    disks = tuple(
        plan_disk(
            as_object(raw), _disk_target(as_object(raw), target, machine, name, region), extra_tags
        )
        for raw in as_list(recipe.get("disks"))
    )
    interfaces = tuple(
        _new_interface(as_object(raw), target, (subscription, group, name, region), number)
        for number, raw in enumerate(as_list(recipe.get("interfaces")))
    )
    body = _machine_body(
        machine,
        target,
        {plan.source_id.lower(): plan.target_id for plan in disks},
        [plan.target_id for plan in interfaces],
    )
    machine_id = arm_id(subscription, group, "Microsoft.Compute/virtualMachines", name)
    return MachinePlan(disks, (), interfaces, ResourcePlan(machine_id, body))


def _disk_target(
    disk: JsonObject, place: MachineTarget, machine: JsonObject, name: str, region: str
) -> DiskTarget:
    own = place.disks.get(as_text(disk.get("id")).lower(), DiskTarget())
    old_name = as_text(disk.get("name"))
    renamed = name.lower() != as_text(machine.get("name")).lower()
    return DiskTarget(
        name=own.name or (f"{name}-{old_name}"[:NAME_LENGTH] if renamed else old_name),
        subscription_id=place.subscription_id,
        resource_group=own.resource_group or place.resource_group,
        region=region,
        zone=place.zone,
    )


def _machine_body(
    machine: JsonObject, place: MachineTarget, disks: Mapping[str, str], interfaces: list[str]
) -> JsonObject:
    properties = machine_properties(as_object(machine.get("properties")), disks, interfaces)
    if place.vm_size:
        properties["hardwareProfile"] = {"vmSize": place.vm_size}
    if place.availability_set_id:
        properties["availabilitySet"] = {"id": place.availability_set_id}
    elif place.zone:
        properties.pop("availabilitySet", None)
    region = place.region or as_text(machine.get("location"))
    body: dict[str, JsonValue] = {
        "location": region,
        "tags": as_text_map(machine.get("tags")),
        "properties": properties,
    }
    for name in ("plan", "extendedLocation", "placement"):
        if machine.get(name) is not None:
            body[name] = machine[name]
    identity = identity_body(as_object(machine.get("identity")))
    if identity:
        body["identity"] = identity
    moved = region.lower() != as_text(machine.get("location")).lower()
    zones = [] if place.availability_set_id else zones_for(machine, place.zone, moved)
    if zones:
        body["zones"] = zones
    return body


def _new_interface(
    raw: JsonObject, place: MachineTarget, where: tuple[str, str, str, str], number: int
) -> ResourcePlan:
    """A new interface like ``raw``: same settings, an address of the target subnet."""
    subscription, group, machine, region = where
    first = as_object(next(iter(as_list(dig(raw, "properties", "ipConfigurations"))), None))
    subnet = place.subnet_id or as_text(dig(first, "properties", "subnet", "id"))
    properties = interface_properties(raw)
    if place.security_group_id:
        properties["networkSecurityGroup"] = {"id": place.security_group_id}
    elif place.subnet_id:
        properties.pop("networkSecurityGroup", None)
    dns = dict(as_object(properties.pop("dnsSettings", None)))
    dns.pop("internalDnsNameLabel", None)  # unique in a virtual network
    if dns:
        properties["dnsSettings"] = dns
    configuration: JsonObject = {
        "name": as_text(first.get("name")) or "ipconfig1",
        "properties": {
            "primary": True,
            "privateIPAllocationMethod": "Dynamic",
            "subnet": {"id": subnet},
        },
    }
    suffix = f"-nic{number}" if number else "-nic"
    name = f"{machine[: NAME_LENGTH - len(suffix)]}{suffix}"
    return ResourcePlan(
        arm_id(subscription, group, "Microsoft.Network/networkInterfaces", name),
        {
            "location": region,
            "tags": as_text_map(raw.get("tags")),
            "properties": {**properties, "ipConfigurations": [configuration]},
        },
    )
