"""The body that exchanges disks of a machine in one change of its configuration."""

from __future__ import annotations

from collections.abc import Mapping

from kyanite.base.json_types import (
    JsonObject,
    JsonValue,
    as_list,
    as_object,
    as_text,
    as_text_map,
    dig,
)
from kyanite.rules.restore_bodies import identity_body

_SET_BY_AZURE = frozenset({"vmId", "provisioningState", "instanceView", "timeCreated"})
_CARRIED = ("lun", "caching", "writeAcceleratorEnabled", "deleteOption", "osType", "toBeDetached")


def swapped(machine: JsonObject, disks: Mapping[str, str]) -> JsonObject:
    """``machine`` (raw, as it is now) with other disks at the same positions.

    ``disks`` maps lower-case ids of attached disks to those that take their place; other disks,
    and a machine that has the new ones already, stay as they are.
    """
    old = as_object(machine.get("properties"))
    profile = as_object(old.get("storageProfile"))
    properties: dict[str, JsonValue] = {
        name: value for name, value in old.items() if name not in _SET_BY_AZURE
    }
    properties["storageProfile"] = {
        **profile,
        "osDisk": _exchanged(as_object(profile.get("osDisk")), disks),
        "dataDisks": [
            _exchanged(as_object(entry), disks) for entry in as_list(profile.get("dataDisks"))
        ],
    }
    body: dict[str, JsonValue] = {
        "location": machine.get("location"),
        "tags": as_text_map(machine.get("tags")),
        "properties": properties,
    }
    for name in ("zones", "plan", "extendedLocation"):
        if machine.get(name) is not None:
            body[name] = machine[name]
    identity = identity_body(as_object(machine.get("identity")))
    if identity:
        body["identity"] = identity
    return body


def attached_disks(machine: JsonObject) -> frozenset[str]:
    """The lower-case ids of all managed disks at a machine."""
    profile = as_object(dig(machine, "properties", "storageProfile"))
    entries = [profile.get("osDisk"), *as_list(profile.get("dataDisks"))]
    ids = (as_text(dig(as_object(entry), "managedDisk", "id")) for entry in entries)
    return frozenset(disk_id.lower() for disk_id in ids if disk_id)


def _exchanged(entry: JsonObject, disks: Mapping[str, str]) -> JsonObject:
    other = disks.get(as_text(dig(entry, "managedDisk", "id")).lower())
    if other is None:
        return entry
    kept = {name: entry[name] for name in _CARRIED if entry.get(name) is not None}
    return {**kept, "createOption": entry.get("createOption"), "name": other.rsplit("/", 1)[-1],
            "managedDisk": {"id": other}}  # fmt: skip
