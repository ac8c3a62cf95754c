"""The disks of a machine as its storage profile lists them: checked, and made complete.

Decides only; who attaches is :mod:`azlab.services.compute.attachment`.
"""

from __future__ import annotations

from collections.abc import Sequence

from azlab.core.json_types import JsonObject, integer_at, object_at, objects_at, text_at
from azlab.services.compute.errors import invalid, required, unsupported
from azlab.services.compute.machine_sizes import MachineSize

_MOST_LUN = 63
_CACHING = {"none": "None", "readonly": "ReadOnly", "readwrite": "ReadWrite"}
_DELETE = {"delete": "Delete", "detach": "Detach"}
_FOREIGN = ("vhd", "image", "diffDiskSettings", "sourceResource", "encryptionSettings")


def check_storage_profile(storage: JsonObject, size: MachineSize | None) -> None:
    """Refuse what is wrong or what the lab does not do in a storage profile."""
    if object_at(storage, "imageReference"):
        raise unsupported("machines from images (attach existing disks)")
    system = object_at(storage, "osDisk")
    if not system:
        raise required("osDisk")
    _check_disk(system, "osDisk")
    if not text_at(system, "osType"):
        raise required("osDisk.osType")
    if text_at(system, "osType").lower() not in ("linux", "windows"):
        raise invalid("osDisk.osType", "The osType must be Linux or Windows.")
    luns: set[int] = set()
    data = objects_at(storage, "dataDisks")
    for disk in data:
        _check_disk(disk, "dataDisk")
        lun = integer_at(disk, "lun")
        if lun is None:
            raise required("dataDisk.lun")
        if not 0 <= lun <= _MOST_LUN:
            raise invalid("dataDisk.lun", f"The LUN {lun} is not between 0 and {_MOST_LUN}.")
        if lun in luns:
            raise invalid(
                "dataDisk.lun", f"Cannot attach two data disks at LUN {lun}: choose another one."
            )
        luns.add(lun)
    check_number(len(data), size)
    if len(set(disk_ids(storage))) != len(disk_ids(storage)):
        raise invalid("dataDisk.managedDisk.id", "A disk cannot be attached twice.")


def check_number(data_disks: int, size: MachineSize | None) -> None:
    """409 when a size does not carry so many data disks."""
    if size is not None and data_disks > size.data_disks:
        raise invalid(
            "storageProfile.dataDisks",
            f"The maximum number of data disks allowed to be attached to a VM of the size "
            f"{size.name} is {size.data_disks}.",
        )


def full_disk(asked: JsonObject, disk: JsonObject, *, system: bool) -> JsonObject:
    """An entry of the storage profile as GET shows it; `disk` is the body of the managed disk."""
    caching = text_at(asked, "caching").lower() or ("readwrite" if system else "none")
    entry: JsonObject = {
        "name": text_at(disk, "name"),
        "createOption": "Attach",
        "caching": _CACHING[caching],
        "writeAcceleratorEnabled": asked.get("writeAcceleratorEnabled") or False,
        "deleteOption": _DELETE[text_at(asked, "deleteOption").lower() or "detach"],
        "diskSizeGB": integer_at(disk, "properties", "diskSizeGB"),
        "managedDisk": {
            "id": text_at(disk, "id"),
            "storageAccountType": text_at(disk, "sku", "name"),
        },
    }
    security = object_at(asked, "managedDisk", "securityProfile")
    if security:
        object_at(entry, "managedDisk")["securityProfile"] = security
    if system:
        entry["osType"] = text_at(asked, "osType").capitalize()
    else:
        entry["lun"] = integer_at(asked, "lun")
        entry["toBeDetached"] = False
    return entry


def entries(storage: JsonObject) -> list[JsonObject]:
    """The system disk, then the data disks."""
    system = object_at(storage, "osDisk")
    return ([system] if system else []) + objects_at(storage, "dataDisks")


def disk_ids(storage: JsonObject) -> list[str]:
    """The ids of all disks, in lower case."""
    return [text_at(entry, "managedDisk", "id").lower() for entry in entries(storage)]


def check_zone(
    zones: Sequence[str], disk_name: str, disk_zones: Sequence[str], disk_sku: str
) -> None:
    """A zonal machine takes disks of its zone or zone-redundant ones; others take no zonal disk."""
    if disk_sku.endswith("_ZRS") or list(zones) == list(disk_zones):
        return
    machine = f"in the zone {zones[0]}" if zones else "in no zone"
    where = f"in the zone {disk_zones[0]}" if disk_zones else "in no zone"
    raise invalid(
        "zones",
        f"The disk {disk_name} is {where}, the machine is {machine}: a disk can only be attached "
        "to a machine in the same zone.",
    )


def _check_disk(disk: JsonObject, where: str) -> None:
    for name in _FOREIGN:
        if disk.get(name) is not None:
            raise unsupported(f"{where}.{name}")
    option = text_at(disk, "createOption")
    if not option:
        raise required(f"{where}.createOption")
    if option.lower() in ("fromimage", "empty", "copy", "restore"):
        raise unsupported(f"{where} with the createOption {option} (make the disk first)")
    if option.lower() != "attach":
        raise invalid(f"{where}.createOption", f"The createOption '{option}' does not exist.")
    if not text_at(disk, "managedDisk", "id"):
        raise required(f"{where}.managedDisk.id")
    if text_at(disk, "caching").lower() not in ("", *_CACHING):
        raise invalid(f"{where}.caching", f"The caching '{text_at(disk, 'caching')}' is unknown.")
    if text_at(disk, "deleteOption").lower() not in ("", *_DELETE):
        raise invalid(f"{where}.deleteOption", "The deleteOption must be Delete or Detach.")
