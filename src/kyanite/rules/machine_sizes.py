"""Sizes of machines: reading them from Azure's list, and which of them can carry a worker.

Rules: docs/behaviour/appliance.md, section 11; workers.md, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, as_texts, dig

_WORKER_CORES: Final = 2
_WORKER_MEMORY_MIB: Final = 4096


@dataclass(frozen=True)
class MachineSize:
    """A size that a subscription may use in a region."""

    name: str
    cores: int
    memory_mib: int
    data_disks: int
    os_disk_mib: int
    resource_disk_mib: int
    architecture: str
    zones: tuple[str, ...]

    @property
    def carries_worker(self) -> bool:
        """Whether a worker can run on it: x64, with two cores and 4 GiB at least."""
        return (
            self.architecture.lower() == "x64"
            and self.cores >= _WORKER_CORES
            and self.memory_mib >= _WORKER_MEMORY_MIB
        )


def machine_size(sku: JsonObject, region: str) -> MachineSize | None:
    """A size as Azure describes it; ``None`` when the subscription may not use it there."""
    barred: set[str] = set()
    for restriction in map(as_object, as_list(sku.get("restrictions"))):
        if as_text(restriction.get("type")).lower() != "zone":
            return None
        barred.update(as_texts(dig(restriction, "restrictionInfo", "zones")))
    told = {
        as_text(entry.get("name")): as_text(entry.get("value"))
        for entry in map(as_object, as_list(sku.get("capabilities")))
    }
    place = next(
        (
            entry
            for entry in map(as_object, as_list(sku.get("locationInfo")))
            if as_text(entry.get("location")).lower() == region
        ),
        {},
    )
    zones = sorted(set(as_texts(place.get("zones"))) - barred)
    return MachineSize(
        name=as_text(sku.get("name")),
        cores=round(_number(told.get("vCPUs"))),
        memory_mib=round(_number(told.get("MemoryGB")) * 1024),
        data_disks=round(_number(told.get("MaxDataDiskCount"))),
        os_disk_mib=round(_number(told.get("OSVhdSizeMB"))),
        resource_disk_mib=round(_number(told.get("MaxResourceVolumeMB"))),
        architecture=told.get("CpuArchitectureType") or "x64",
        zones=tuple(zones),
    )


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
