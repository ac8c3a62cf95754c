"""The shape of a machine: everything Azure says of it, its disks and interfaces.

A restored machine differs from the lost one in what Azure makes anew for any machine, and in
nothing else. What may differ is listed here, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo.azure import Azure

MAY_DIFFER = {
    # Identity of the resource, given by Azure.
    "etag", "resourceGuid", "uniqueId", "vmId", "macAddress", "principalId",
    # Moments.
    "timeCreated", "LastOwnershipUpdateTime",
    # The state of the moment: the machine was running, the restored one waits to be started.
    "diskState", "provisioningState", "instanceView", "internalDomainNameSuffix",
    # A restored disk is made by upload, whatever the lost one was made from.
    "creationData",
    # Set when a machine is made from an image; cannot be given to one made from disks.
    "osProfile", "imageReference", "createOption",
    # Given by the network when the address is dynamic.
    "ipAddress",
}  # fmt: skip
OWN_TAG_PREFIX = "kyanite"

Shape = dict[str, Any]


@dataclass(frozen=True)
class _Walk:
    found: list[str]

    def compare(self, path: str, old: Any, new: Any) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            for name in sorted(old.keys() | new.keys()):
                if name in MAY_DIFFER or name.lower().startswith(OWN_TAG_PREFIX):
                    continue
                self.compare(f"{path}.{name}", old.get(name), new.get(name))
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for number, (left, right) in enumerate(zip(old, new, strict=True)):
                self.compare(f"{path}[{number}]", left, right)
        elif isinstance(old, str) and isinstance(new, str) and old.startswith("/subscriptions/"):
            if old.lower() != new.lower():
                self.found.append(f"{path}: {old} became {new}")
        elif old != new and not (old in (None, {}, []) and new in (None, {}, [])):
            self.found.append(f"{path}: {old!r} became {new!r}")


def shape_of(azure: Azure, machine_id: str) -> Shape:
    """The raw configuration of a machine with its disks and interfaces."""
    machine = azure.get(machine_id)
    profile = machine["properties"]["storageProfile"]
    disks = [profile["osDisk"], *profile.get("dataDisks", [])]
    interfaces = machine["properties"]["networkProfile"]["networkInterfaces"]
    return {
        "machine": machine,
        "disks": [azure.get(disk["managedDisk"]["id"]) for disk in disks],
        "interfaces": [azure.get(interface["id"]) for interface in interfaces],
    }


def differences(old: Shape, new: Shape) -> list[str]:
    """Where two shapes differ, apart from what may: one sentence each."""
    walk = _Walk([])
    for part in ("machine", "disks", "interfaces"):
        walk.compare(part, old[part], new[part])
    return walk.found
