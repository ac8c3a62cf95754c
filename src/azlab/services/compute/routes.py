"""Microsoft.Compute on the ARM port."""

from __future__ import annotations

from azlab.core.arm import ArmHandler, ArmType
from azlab.core.service import Lab
from azlab.services.compute import (
    access,
    availability_sets,
    data_disks,
    disks,
    machines,
    power,
    quota,
    skus,
    snapshots,
)
from azlab.services.disks import grants
from azlab.services.disks.guest import store_of

_DISK_VERSIONS = ("2026-03-02", "2025-01-02", "2024-03-02", "2023-10-02", "2023-04-02")
_MACHINE_VERSIONS = ("2026-04-01", "2025-11-01", "2025-04-01", "2024-11-01", "2024-07-01")
_SKU_VERSIONS = ("2021-07-01", "2019-04-01")
_REGION = "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}"


def register(lab: Lab) -> None:
    """Add the types and calls of Microsoft.Compute."""
    store = store_of(lab)
    lab.arm.type(
        ArmType(
            disks.DISKS,
            api_versions=_DISK_VERSIONS,
            put=disks.put_disk,
            patch=disks.patch_disk,
            delete=disks.delete_unheld,
            present=disks.present,
            actions={
                "beginGetAccess": access.begin_get_access,
                "endGetAccess": access.end_get_access,
            },
            on_delete=disks.DiskCleaner(store.delete),
            on_move=grants.moved,
            notes={
                "put": "createOption Empty, Upload and Copy; 512-byte sectors; kind, zone and "
                "encryption are kept but change nothing",
                "beginGetAccess": "VHD only, public network only",
            },
        )
    )
    lab.arm.type(
        ArmType(
            disks.SNAPSHOTS,
            api_versions=_DISK_VERSIONS,
            put=snapshots.put_snapshot,
            patch=snapshots.patch_snapshot,
            delete=disks.delete_unheld,
            present=snapshots.present,
            actions={
                "beginGetAccess": access.begin_get_access,
                "endGetAccess": access.end_get_access,
            },
            on_delete=snapshots.SnapshotCleaner(store.delete),
            movable=False,
            notes={"put": "createOption Copy, in the region of the source"},
        )
    )
    lab.arm.type(
        ArmType(
            machines.MACHINES,
            api_versions=_MACHINE_VERSIONS,
            put=machines.put_machine,
            patch=machines.patch_machine,
            delete=machines.delete_machine,
            present=machines.present,
            actions={
                "start": power.start,
                "powerOff": power.power_off,
                "restart": power.restart,
                "deallocate": power.deallocate,
                "attachDetachDataDisks": data_disks.attach_detach,
            },
            reads={
                "instanceView": power.read_instance_view,
                "extensions": power.list_extensions,
            },
            queries={
                "get": ("$expand",),
                "list": ("statusOnly", "$expand"),
                "delete": ("forceDeletion",),
                "powerOff": ("skipShutdown",),
                "deallocate": ("hibernate",),
            },
            on_delete=machines.MachineCleaner(lab),
            movable=False,
            notes={
                "put": "made of existing disks and interfaces (createOption Attach); no guest runs",
                "extensions": "always empty",
            },
        )
    )
    lab.arm.type(
        ArmType(
            machines.AVAILABILITY_SETS,
            api_versions=_MACHINE_VERSIONS,
            put=availability_sets.put_set,
            delete=availability_sets.delete_set,
            present=availability_sets.present,
        )
    )
    _add_regional_calls(lab)
    access.AccessOperations(lab).register()
    machines.MachineOperations(lab).register()
    power.PowerOperations(lab).register()
    data_disks.register_operations(lab)
    snapshots.register_operations(lab)


def _add_regional_calls(lab: Lab) -> None:
    def read(
        template: str,
        handler: ArmHandler,
        operation: str,
        action: str,
        versions: tuple[str, ...],
        queries: tuple[str, ...] = (),
    ) -> None:
        lab.arm.route(
            "GET",
            template,
            handler,
            operation=operation,
            action=f"Microsoft.Compute/{action}",
            api_versions=versions,
            queries=queries,
        )

    read(
        "/subscriptions/{subscription}/providers/Microsoft.Compute/skus",
        skus.list_skus,
        "skus.list",
        "skus/read",
        _SKU_VERSIONS,
        ("$filter", "includeExtendedLocations"),
    )
    read(
        f"{_REGION}/virtualMachines",
        machines.list_in_region,
        "virtualMachines.list",
        "virtualMachines/read",
        _MACHINE_VERSIONS,
        ("$top", "$skiptoken", "$expand", "statusOnly"),
    )
    read(
        f"{_REGION}/vmSizes",
        skus.list_sizes,
        "vmSizes.list",
        "locations/vmSizes/read",
        _MACHINE_VERSIONS,
    )
    read(
        f"{_REGION}/usages",
        quota.list_usages,
        "usages.list",
        "locations/usages/read",
        _MACHINE_VERSIONS,
    )
