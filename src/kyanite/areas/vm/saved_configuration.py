"""The configuration that a restore point saved: machine and disks as they were.

Rules: docs/behaviour/virtual-machines.md, section 14.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import (
    find_region,
    find_subscription,
    region_wire,
    subscription_wire,
)
from kyanite.areas.vm.points import disk_snapshots
from kyanite.areas.vm.protected_list import get_protected_machine
from kyanite.areas.vm.tables import RestorePointRow
from kyanite.base.azure_names import id_part
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text, dig
from kyanite.base.units import GIB
from kyanite.http.links import self_link
from kyanite.rules.disk_size import disk_size_bytes


def disk_wires(db: Session, request: Request, point: RestorePointRow) -> list[JsonObject]:
    """`DiskSnapshot`s: the disks of a point, the system disk first."""
    machine = get_protected_machine(db, point.machine_id)
    snapshot_names = {
        row.disk_azure_id.lower(): row.azure_id.rsplit("/", 1)[-1]
        for row in disk_snapshots(db, point.id)
    }
    accounts: list[JsonValue] = [machine.service_account_id] if machine.service_account_id else []
    wires: list[JsonObject] = []
    for disk in _disks(point):
        disk_id, name = as_text(disk.get("id")), as_text(disk.get("name"))
        wires.append(
            {
                "name": snapshot_names.get(disk_id.lower(), name),
                "diskType": "Managed",
                "sku": as_text(dig(disk, "sku", "name")) or None,
                "availabilityZone": _first(disk.get("zones")),
                "sizeInGB": -(-disk_size_bytes(disk) // GIB),
                "osType": as_text(dig(disk, "properties", "osType")) or None,
                "diskId": disk_id,
                **_place(db, request, disk_id, as_text(disk.get("location"))),
                "storageAccount": None,
                "_links": self_link(request, f"/restorePoints/virtualMachines/{point.id}"),
                "diskName": name,
                "snapshotAccounts": accounts,
            }
        )
    return wires


def machine_wires(db: Session, request: Request, point: RestorePointRow) -> list[JsonObject]:
    """`VmSnapshot`: the machine of a point; none when the point saved no machine."""
    raw = as_object(as_object(point.recipe).get("machine"))
    azure_id = as_text(raw.get("id"))
    if not azure_id:
        return []
    machine = get_protected_machine(db, point.machine_id)
    region = as_text(raw.get("location"))
    profile = as_object(dig(raw, "properties", "storageProfile"))
    disks = list(_disks(point))
    zone = _first(raw.get("zones"))
    wire: dict[str, JsonValue] = {
        "vmId": machine.id,
        "vmAzureResourceId": azure_id,
        "serviceAccountId": machine.service_account_id,
        "name": as_text(raw.get("name")),
        **_place(db, request, azure_id, region),
        "size": as_text(dig(raw, "properties", "hardwareProfile", "vmSize")) or machine.vm_size,
        "hasEphemeralOsDisk": dig(profile, "osDisk", "diffDiskSettings", "option") == "Local",
        "osDisk": _attached(as_object(profile.get("osDisk"))),
        "dataDisks": [_attached(as_object(disk)) for disk in as_list(profile.get("dataDisks"))],
        "diskSizeInGb": sum(-(-disk_size_bytes(disk) // GIB) for disk in disks),
        **_network(point, region),
        "availabilitySet": _availability_set(raw, region),
        "availabilityZone": {
            "subscriptionId": machine.subscription_id,
            "regionId": region,
            "name": zone,
        }
        if zone
        else None,
        "_links": self_link(request, f"/restorePoints/virtualMachines/{point.id}"),
    }
    return [wire]


def _disks(point: RestorePointRow) -> Iterator[JsonObject]:
    return (as_object(disk) for disk in as_list(as_object(point.recipe).get("disks")))


def _place(db: Session, request: Request, azure_id: str, region: str) -> dict[str, JsonValue]:
    """Subscription, region and group of a resource, known to the inventory or not."""
    subscription_id, group = id_part(azure_id, "subscriptions"), id_part(azure_id, "resourceGroups")
    subscription, known_region = find_subscription(db, subscription_id), find_region(db, region)
    group_id = f"/subscriptions/{subscription_id}/resourceGroups/{group}"
    return {
        "subscription": subscription_wire(request, subscription)
        if subscription
        else {"id": subscription_id},
        "region": region_wire(known_region)
        if known_region
        else {"id": region, "name": region, "resourceId": None},
        "resourceGroup": {
            "id": system_id(group_id),
            "resourceId": group_id,
            "name": group,
            "subscriptionId": subscription_id,
            "tenantId": subscription.tenant_id if subscription else None,
            "regionId": region,
        },
    }


def _attached(reference: JsonObject) -> JsonObject | None:
    disk_id = as_text(dig(reference, "managedDisk", "id"))
    name = as_text(reference.get("name")) or disk_id.rsplit("/", 1)[-1]
    return {"diskId": disk_id or None, "diskName": name}


def _network(point: RestorePointRow, region: str) -> dict[str, JsonValue]:
    """Network, subnet and security group of the first interface."""
    interface = as_object(next(iter(as_list(as_object(point.recipe).get("interfaces"))), None))
    first = as_object(next(iter(as_list(dig(interface, "properties", "ipConfigurations"))), None))
    subnet_id = as_text(dig(first, "properties", "subnet", "id"))
    group_id = as_text(dig(interface, "properties", "networkSecurityGroup", "id"))
    network_id = subnet_id.rsplit("/subnets/", 1)[0]
    return {
        "virtualNetwork": {
            "id": network_id,
            "name": network_id.rsplit("/", 1)[-1],
            "regionName": region,
            "addressSpaces": None,
        }
        if subnet_id
        else None,
        "subnet": {"name": subnet_id.rsplit("/", 1)[-1], "addressSpace": None}
        if subnet_id
        else None,
        "networkSecurityGroup": {
            "id": group_id,
            "name": group_id.rsplit("/", 1)[-1],
            "regionId": region,
            "resourceGroupName": id_part(group_id, "resourceGroups"),
            "subscriptionId": id_part(group_id, "subscriptions"),
        }
        if group_id
        else None,
    }


def _availability_set(raw: JsonObject, region: str) -> JsonObject | None:
    set_id = as_text(dig(raw, "properties", "availabilitySet", "id"))
    if not set_id:
        return None
    return {"id": set_id, "name": set_id.rsplit("/", 1)[-1], "regionName": region}


def _first(values: JsonValue) -> str | None:
    return next((as_text(value) for value in as_list(values)), None)
