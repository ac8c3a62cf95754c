"""What can be bought where: resource SKUs and machine sizes."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue
from azlab.services import placement
from azlab.services.compute.disk_skus import DISK_SKUS, SNAPSHOT_SKUS
from azlab.services.compute.machine_sizes import MACHINE_SIZES, MachineSize
from azlab.services.resources.filters import parse_filter
from azlab.services.resources.regions import Region
from azlab.services.resources.state import locations

_ZONES: tuple[str, ...] = ("1", "2", "3")


def list_skus(call: ArmCall) -> Response:
    """GET {subscription}/providers/Microsoft.Compute/skus."""
    wanted = parse_filter(call.query("$filter"), ("location",)).get("location", "")
    wanted = wanted.replace(" ", "").lower()
    values: list[JsonValue] = []
    for region in locations(call.tx):
        if wanted in ("", region.name):
            values += [_machine_sku(size, region) for size in MACHINE_SIZES.values()]
            values += _disk_skus(region)
    return json_response(200, {"value": values})


def list_sizes(call: ArmCall) -> Response:
    """GET …/locations/{location}/vmSizes."""
    location = call.params["location"].replace(" ", "").lower()
    placement.check_region(call, location)
    values: list[JsonValue] = [
        {
            "name": size.name,
            "numberOfCores": size.cores,
            "osDiskSizeInMB": 1_047_552,
            "resourceDiskSizeInMB": 0,
            "memoryInMB": size.memory_mib,
            "maxDataDiskCount": size.data_disks,
        }
        for size in MACHINE_SIZES.values()
    ]
    return json_response(200, {"value": values})


def _machine_sku(size: MachineSize, region: Region) -> JsonObject:
    capabilities = {
        "MaxResourceVolumeMB": "0",
        "OSVhdSizeMB": "1047552",
        "vCPUs": str(size.cores),
        "MemoryGB": f"{size.memory_mib / 1024:g}",
        "MaxDataDiskCount": str(size.data_disks),
        "CpuArchitectureType": "x64",
        "LowPriorityCapable": "True",
        "PremiumIO": str(size.premium),
        "HyperVGenerations": size.generations,
        "VMDeploymentTypes": "IaaS",
        "vCPUsAvailable": str(size.cores),
        "EncryptionAtHostSupported": "True",
        "AcceleratedNetworkingEnabled": str(size.cores > 1),
        "MaxNetworkInterfaces": str(size.interfaces),
        "TrustedLaunchDisabled": str(not size.trusted_launch),
    }
    return _sku("virtualMachines", size.name, region, size.zoned, capabilities) | {
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": size.family,
    }


def _disk_skus(region: Region) -> list[JsonObject]:
    found: list[JsonObject] = []
    for kind, skus in (("disks", DISK_SKUS), ("snapshots", SNAPSHOT_SKUS)):
        for name, tier in skus.values():
            if name.endswith("_ZRS") and not region.has_zones:
                continue
            entry = _sku(kind, name, region, name.endswith("_LRS"), {})
            found.append(entry | {"tier": tier})
    return found


def _sku(
    kind: str, name: str, region: Region, zoned: bool, capabilities: dict[str, str]
) -> JsonObject:
    zones: list[JsonValue] = [*_ZONES] if zoned and region.has_zones else []
    shown: list[JsonValue] = [{"name": k, "value": v} for k, v in capabilities.items()]
    return {
        "resourceType": kind,
        "name": name,
        "locations": [region.name],
        "locationInfo": [{"location": region.name, "zones": zones, "zoneDetails": []}],
        "capabilities": shown,
        "restrictions": [],
    }
