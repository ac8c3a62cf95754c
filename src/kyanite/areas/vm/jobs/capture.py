"""Snapshots of all disks of one machine, taken together.

The answer is the same whatever took it: a set of disks, each with something that can be read by
range. Snapshots of single disks are one way; a VM restore point would be another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import disks as azure_disks
from kyanite.azure.compute import machines as azure_machines
from kyanite.azure.compute import snapshots as azure_snapshots
from kyanite.azure.network import interfaces as azure_interfaces
from kyanite.azure.network import public_addresses as azure_addresses
from kyanite.azure.operations import Operation
from kyanite.azure.pauses import pause
from kyanite.base.errors import Interrupted, KyaniteError, Rejected, Throttled
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, dig
from kyanite.rules.disk_size import disk_size_bytes

# Azure allows seven snapshots of a disk in five minutes: whoever waits that long gets the next.
_PACE_SECONDS: Final = 15.0
_PACE_TRIES: Final = 22


@dataclass(frozen=True)
class CapturedDisk:
    """One disk at the moment of the capture."""

    snapshot_id: str
    disk_id: str
    disk_unique_id: str
    disk_name: str
    size_bytes: int
    taken_at: datetime


@dataclass(frozen=True)
class Capture:
    """The disks of a machine, captured together."""

    disks: tuple[CapturedDisk, ...]

    @property
    def taken_at(self) -> datetime:
        """The moment of the restore point: when its first disk was captured."""
        return min(disk.taken_at for disk in self.disks)

    @property
    def skew_seconds(self) -> float:
        """How far apart the disks were captured."""
        return (max(disk.taken_at for disk in self.disks) - self.taken_at).total_seconds()

    def to_json(self) -> JsonObject:
        """In the form a step stores."""
        return {
            "disks": [
                {
                    "snapshotId": disk.snapshot_id,
                    "diskId": disk.disk_id,
                    "diskUniqueId": disk.disk_unique_id,
                    "diskName": disk.disk_name,
                    "sizeBytes": disk.size_bytes,
                    "takenAt": disk.taken_at.isoformat(),
                }
                for disk in self.disks
            ]
        }

    @classmethod
    def from_json(cls, stored: JsonObject) -> Capture:
        """As ``to_json`` wrote it."""
        return cls(tuple(_disk(as_object(entry)) for entry in as_list(stored.get("disks"))))


def read_recipe(arm: ArmClient, machine_id: str) -> JsonObject:
    """The raw configuration of a machine, its disks, interfaces and public addresses.

    Raises ``Gone`` when the machine or a part of it does not exist, ``Rejected`` when it has a
    disk that cannot be captured.
    """
    machine = azure_machines.get(arm, machine_id)
    profile = as_object(dig(machine, "properties", "storageProfile"))
    references = [as_object(profile.get("osDisk"))]
    references += [as_object(entry) for entry in as_list(profile.get("dataDisks"))]
    disks = [
        azure_disks.get(arm, disk_id)
        for reference in references
        if (disk_id := as_text(dig(reference, "managedDisk", "id")))
        and dig(reference, "diffDiskSettings", "option") != "Local"
    ]
    for disk in disks:
        if as_text(dig(disk, "properties", "dataAccessAuthMode")) not in ("", "None"):
            raise Rejected(
                f"Disk {as_text(disk.get('name'))} asks for a sign-in to read its data; "
                "disks in this mode cannot be backed up"
            )
    if not disks:
        raise Rejected(f"Machine {as_text(machine.get('name'))} has no managed disk to back up")
    interfaces = [
        azure_interfaces.get(arm, as_text(as_object(reference).get("id")))
        for reference in as_list(dig(machine, "properties", "networkProfile", "networkInterfaces"))
    ]
    addresses = [
        azure_addresses.get(arm, address_id)
        for interface in interfaces
        for configuration in as_list(dig(interface, "properties", "ipConfigurations"))
        if (address_id := as_text(dig(configuration, "properties", "publicIPAddress", "id")))
    ]
    return {
        "machine": machine,
        "disks": disks,
        "interfaces": interfaces,
        "publicAddresses": addresses,
    }


@dataclass(frozen=True)
class SnapshotPlan:
    """The snapshots to take: raw disks, and by disk id the name and the tags of each snapshot."""

    disks: tuple[JsonObject, ...]
    names: Mapping[str, str]
    tags: Mapping[str, Mapping[str, str]]
    zone_redundant: bool

    def snapshot_id(self, disk: JsonObject) -> str:
        """The ARM id of the snapshot of a disk: in the group of the disk."""
        disk_id = as_text(disk.get("id"))
        group = disk_id[: disk_id.lower().index("/providers/")]
        return f"{group}/providers/Microsoft.Compute/snapshots/{self.names[disk_id]}"


def take_snapshots(arm: ArmClient, plan: SnapshotPlan, waiting: Callable[[str], object]) -> Capture:
    """The snapshots of ``plan``, all started before the first is waited for.

    Snapshots that exist under their name are taken as they are, so a second attempt goes on
    where the first one ended. When one fails, the others are removed before its error is raised.
    ``waiting`` is told why, when Azure wants more time between the snapshots of a disk.
    """
    try:
        operations = [
            _begin(arm, plan, disk, waiting)
            for disk in plan.disks
            if azure_snapshots.find(arm, plan.snapshot_id(disk)) is None
        ]
        for operation in operations:
            arm.wait(operation)
        return Capture(
            tuple(
                _captured(disk, azure_snapshots.wait_complete(arm, plan.snapshot_id(disk)))
                for disk in plan.disks
            )
        )
    except Interrupted:
        raise
    except KyaniteError:
        remove_snapshots(arm, [plan.snapshot_id(disk) for disk in plan.disks])
        raise


def _begin(
    arm: ArmClient, plan: SnapshotPlan, disk: JsonObject, waiting: Callable[[str], object]
) -> Operation:
    """Start one snapshot; wait first while Azure says that this disk has had enough of them."""
    for _ in range(_PACE_TRIES):
        try:
            return _begin_now(arm, plan, disk)
        except Throttled as throttled:
            waiting(str(throttled))
            pause(_PACE_SECONDS, arm.check)
    return _begin_now(arm, plan, disk)


def _begin_now(arm: ArmClient, plan: SnapshotPlan, disk: JsonObject) -> Operation:
    return azure_snapshots.begin_incremental(
        arm,
        plan.snapshot_id(disk),
        as_text(disk.get("location")),
        as_text(disk.get("id")),
        plan.tags[as_text(disk.get("id"))],
        zone_redundant=plan.zone_redundant,
    )


def remove_snapshots(arm: ArmClient, snapshot_ids: Sequence[str]) -> None:
    """Delete snapshots; missing ones are fine."""
    for snapshot_id in snapshot_ids:
        azure_snapshots.delete(arm, snapshot_id)


def _captured(disk: JsonObject, snapshot: JsonObject) -> CapturedDisk:
    return CapturedDisk(
        snapshot_id=as_text(snapshot.get("id")),
        disk_id=as_text(disk.get("id")),
        disk_unique_id=as_text(dig(disk, "properties", "uniqueId")),
        disk_name=as_text(disk.get("name")),
        size_bytes=disk_size_bytes(snapshot) or disk_size_bytes(disk),
        taken_at=datetime.fromisoformat(as_text(dig(snapshot, "properties", "timeCreated"))),
    )


def _disk(stored: JsonObject) -> CapturedDisk:
    size = stored.get("sizeBytes")
    return CapturedDisk(
        snapshot_id=as_text(stored.get("snapshotId")),
        disk_id=as_text(stored.get("diskId")),
        disk_unique_id=as_text(stored.get("diskUniqueId")),
        disk_name=as_text(stored.get("diskName")),
        size_bytes=size if isinstance(size, int) else 0,
        taken_at=datetime.fromisoformat(as_text(stored.get("takenAt"))),
    )
