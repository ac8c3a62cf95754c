"""How many cores a subscription may use in a region."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.errors import ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, text_at
from azlab.core.resource_ids import ResourceId
from azlab.services import placement
from azlab.services.compute.machine_sizes import MACHINE_SIZES, MachineSize, machine_size
from azlab.services.placement import location_of

_MACHINES = "Microsoft.Compute/virtualMachines"
_MOST_CORES = 100
_MOST_MACHINES = 25_000


def check_cores(call: ArmCall, location: str, size: MachineSize) -> None:
    """409 QuotaExceeded when a new machine would use more cores than the region gives."""
    used = sum(one.cores for one in _sizes_in_use(call, location))
    if used + size.cores > _MOST_CORES:
        raise ArmError(
            409,
            "OperationNotAllowed",
            "Operation could not be completed as it results in exceeding approved Total Regional "
            f"Cores quota. Additional details - Location: {location}, Current Limit: "
            f"{_MOST_CORES}, Current Usage: {used}, Additional Required: {size.cores}.",
        )


def list_usages(call: ArmCall) -> Response:
    """GET …/locations/{location}/usages."""
    location = call.params["location"].replace(" ", "").lower()
    placement.check_region(call, location)
    in_use = _sizes_in_use(call, location)
    values: list[JsonValue] = [
        _usage("cores", "Total Regional vCPUs", sum(one.cores for one in in_use), _MOST_CORES),
        _usage("virtualMachines", "Virtual Machines", len(in_use), _MOST_MACHINES),
    ]
    for family in sorted({size.family for size in MACHINE_SIZES.values()}):
        used = sum(one.cores for one in in_use if one.family == family)
        values.append(_usage(family, family, used, _MOST_CORES))
    return json_response(200, {"value": values})


def _usage(name: str, text: str, used: int, limit: int) -> JsonObject:
    return {
        "unit": "Count",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": text},
    }


def _sizes_in_use(call: ArmCall, location: str) -> list[MachineSize]:
    inside = ResourceId(call.id.subscription)
    found: list[MachineSize] = []
    for record in call.lab.resources.list(call.tx, inside, _MACHINES):
        size = machine_size(text_at(record.body, "properties", "hardwareProfile", "vmSize"))
        if size is not None and location_of(record.body) == location:
            found.append(size)
    return found
