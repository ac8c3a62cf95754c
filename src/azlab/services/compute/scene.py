"""The sections `compute` and `snapshotCopySeconds` of a scene.

`compute` holds resources of Microsoft.Compute in the order to make them: the body of their
PUT and, besides, for disks `image` (a disk image shipped with the lab, laid into the disk)
and `madeFrom` (a `creationData` to show instead of the one it was made with), for machines
`power` (`running`, `stopped` or `deallocated`). `snapshotCopySeconds` is how long the copy
behind an incremental snapshot takes; 0 if it is not given.
"""

from __future__ import annotations

from pathlib import Path

from azlab.core.json_types import (
    JsonObject,
    WrongShape,
    make_object_at,
    number_at,
    object_at,
    objects_at,
    text_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.scene_puts import put_resource
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.compute import machine_power, snapshot_pace
from azlab.services.disks.guest import store_of
from azlab.services.disks.image_file import image_size_bytes, lay_image

SECTIONS = ("compute", "snapshotCopySeconds")
_IMAGES = Path(__file__).resolve().parent.parent.parent / "scenes" / "images"
_OWN_MEMBERS = ("image", "madeFrom", "power")
_STATES = (machine_power.RUNNING, machine_power.STOPPED, machine_power.DEALLOCATED)


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make disks with what is on them, machines, sets and snapshots."""
    snapshot_pace.set_copy_seconds(tx, number_at(scene, "snapshotCopySeconds") or 0.0)
    for entry in objects_at(scene, "compute"):
        body = {k: v for k, v in entry.items() if k not in _OWN_MEMBERS}
        resource_id = put_resource(lab, tx, body)
        if text_at(entry, "image"):
            _lay(lab, tx, resource_id, text_at(entry, "image"))
        if object_at(entry, "madeFrom"):
            _show_origin(lab, tx, resource_id, object_at(entry, "madeFrom"))
        power = text_at(entry, "power")
        if power:
            if power not in _STATES:
                raise WrongShape(f"A machine of a scene cannot be '{power}'.")
            machine_power.set_power(tx, resource_id.text, power)


def _lay(lab: Lab, tx: Transaction, disk_id: ResourceId, name: str) -> None:
    path = _IMAGES / f"{name}.img.zst"
    if not path.is_file():
        raise WrongShape(f"The lab ships no disk image '{name}'.")
    store = store_of(lab)
    volume_id = text_at(lab.resources.body(tx, disk_id) or {}, "properties", "uniqueId")
    if image_size_bytes(path) > store.size_bytes(volume_id):
        raise WrongShape(f"The disk {disk_id.name} is too small for the image '{name}'.")
    lay_image(path, store, volume_id)


def _show_origin(lab: Lab, tx: Transaction, disk_id: ResourceId, creation: JsonObject) -> None:
    body = lab.resources.body(tx, disk_id) or {}
    make_object_at(body, "properties")["creationData"] = creation
    lab.resources.put(tx, disk_id, body)
