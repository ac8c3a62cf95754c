"""Machines again, of disks and interfaces that exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kyanite.azure.recipes.frame import READ_ONLY, frame
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text

_MACHINE_OWN: Final = frozenset(
    {"vmId", "instanceView", "osProfile", "storageProfile", "networkProfile", "resources"}
)
"""Machine members that are rebuilt, or that a machine of attached disks may not have."""


def machine_body(
    raw_machine: JsonObject,
    *,
    os_disk_id: str,
    data_disk_ids: Mapping[int, str],
    interface_ids: Sequence[str],
    location: str | None = None,
    size: str | None = None,
    zones: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    replaced: Mapping[str, JsonValue] | None = None,
) -> JsonObject:
    """A machine like ``raw_machine`` of existing disks (data disks by LUN) and interfaces.

    ``interface_ids`` are in the order of the old ones. Data disks whose LUN is not given
    are left out. ``replaced`` replaces further members of ``properties`` (``None`` removes
    one), such as ``availabilitySet``.
    """
    old = as_object(raw_machine.get("properties"))
    properties: dict[str, JsonValue] = {
        name: value
        for name, value in old.items()
        if name not in _MACHINE_OWN and name not in READ_ONLY
    }
    if size is not None:
        properties["hardwareProfile"] = {"vmSize": size}
    properties["storageProfile"] = _storage_profile(
        as_object(old.get("storageProfile")), os_disk_id, data_disk_ids
    )
    properties["networkProfile"] = _network_profile(
        as_object(old.get("networkProfile")), interface_ids
    )
    for name, value in (replaced or {}).items():
        if value is None:
            properties.pop(name, None)
        else:
            properties[name] = value
    body = frame(raw_machine, properties, location, zones, tags)
    identity = _identity(raw_machine.get("identity"))
    if identity:
        body["identity"] = identity
    for name in ("plan", "extendedLocation"):
        if raw_machine.get(name) is not None:
            body[name] = raw_machine[name]
    return body


def _storage_profile(
    old: JsonObject, os_disk_id: str, data_disk_ids: Mapping[int, str]
) -> JsonObject:
    profile: dict[str, JsonValue] = {
        "osDisk": _attached(as_object(old.get("osDisk")), os_disk_id),
        "dataDisks": [
            _attached(as_object(entry), data_disk_ids[lun])
            for entry in as_list(old.get("dataDisks"))
            if isinstance(lun := as_object(entry).get("lun"), int) and lun in data_disk_ids
        ],
    }
    if old.get("diskControllerType") is not None:
        profile["diskControllerType"] = old["diskControllerType"]
    return profile


def _attached(old: JsonObject, disk_id: str) -> JsonObject:
    kept = ("osType", "lun", "caching", "deleteOption", "writeAcceleratorEnabled")
    return {
        **{name: old[name] for name in kept if old.get(name) is not None},
        "createOption": "Attach",
        "managedDisk": {"id": disk_id},
    }


def _network_profile(old: JsonObject, interface_ids: Sequence[str]) -> JsonObject:
    entries = [as_object(entry) for entry in as_list(old.get("networkInterfaces"))]
    interfaces: list[JsonValue] = []
    for number, interface_id in enumerate(interface_ids):
        properties: dict[str, JsonValue] = {"primary": number == 0}
        if number < len(entries):
            properties = dict(as_object(entries[number].get("properties"))) or properties
        if len(interface_ids) == 1:
            properties.setdefault("primary", True)
        interfaces.append({"id": interface_id, "properties": properties})
    return {"networkInterfaces": interfaces}


def _identity(raw: JsonValue) -> dict[str, JsonValue]:
    """The identity to ask for: its kind, and which user-assigned ones."""
    old = as_object(raw)
    kind = as_text(old.get("type"))
    if not kind or kind.lower() == "none":
        return {}
    identity: dict[str, JsonValue] = {"type": kind}
    assigned = as_object(old.get("userAssignedIdentities"))
    if assigned:
        identity["userAssignedIdentities"] = {name: {} for name in assigned}
    return identity
