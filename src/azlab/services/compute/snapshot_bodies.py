"""From the body of a snapshot request to the stored snapshot. Decides, touches nothing."""

from __future__ import annotations

import uuid

from azlab.core.json_types import (
    JsonObject,
    flag_at,
    object_at,
    string_map_at,
    text_at,
)
from azlab.services.compute.disk_bodies import GIB, CopySource, own_members, sku_of
from azlab.services.compute.disk_skus import SNAPSHOT_SKUS
from azlab.services.compute.errors import invalid, required, unsupported

_FAMILIES = uuid.UUID("6b79616e-6974-4000-8000-000066616d69")
_INHERITED = (
    "osType",
    "hyperVGeneration",
    "purchasePlan",
    "supportedCapabilities",
    "securityProfile",
    "encryption",
    "encryptionSettingsCollection",
)
_OWN = (
    "networkAccessPolicy",
    "diskAccessId",
    "publicNetworkAccess",
    "dataAccessAuthMode",
    "osType",
    "supportedCapabilities",
    "supportsHibernation",
    "encryption",
)


def family_of(disk_unique_id: str) -> str:
    """What all incremental snapshots of one disk share."""
    return str(uuid.uuid5(_FAMILIES, disk_unique_id))


def check_snapshot_option(asked: JsonObject) -> None:
    """Only `Copy` of a disk or snapshot; the rest is refused aloud."""
    option = text_at(asked, "properties", "creationData", "createOption")
    if not option:
        raise required("snapshot.creationData.createOption")
    if option.lower() in ("copystart", "import", "upload", "restore", "copyfromsansnapshot"):
        raise unsupported(f"snapshots with the createOption {option}")
    if option.lower() != "copy":
        raise invalid(
            "snapshot.creationData.createOption", f"The createOption '{option}' does not exist."
        )


def snapshot_body(
    asked: JsonObject,
    *,
    unique_id: str,
    created: str,
    source: CopySource,
    zone_redundant_region: bool,
) -> JsonObject:
    """The stored body of a new snapshot."""
    incremental = flag_at(asked, "properties", "incremental") or False
    default = "Standard_ZRS" if incremental and zone_redundant_region else "Standard_LRS"
    sku = sku_of(asked, SNAPSHOT_SKUS, default)
    if incremental and text_at(sku, "name") == "Premium_LRS":
        raise invalid("sku.name", "Incremental snapshots are kept on standard storage.")
    creation: JsonObject = {
        **object_at(asked, "properties", "creationData"),
        "createOption": "Copy",
        "sourceResourceId": source.resource_id,
        "sourceUniqueId": source.unique_id,
        "logicalSectorSize": 512,
    }
    requested = object_at(asked, "properties")
    properties: JsonObject = {
        "creationData": creation,
        "diskSizeGB": -(-source.size_bytes // GIB),
        "diskSizeBytes": source.size_bytes,
        "timeCreated": created,
        "uniqueId": unique_id,
        "incremental": incremental,
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
        "dataAccessAuthMode": "None",
        "diskState": "Unattached",
        "provisioningState": "Updating",
    }
    if incremental:
        properties["incrementalSnapshotFamilyId"] = family_of(source.unique_id)
    properties |= {k: v for k, v in source.properties.items() if k in _INHERITED}
    properties |= {k: v for k, v in requested.items() if k in _OWN and v is not None}
    body: JsonObject = {
        "location": text_at(asked, "location").replace(" ", "").lower(),
        "sku": sku,
        "properties": properties,
    }
    if tags := string_map_at(asked, "tags"):
        body["tags"] = {**tags}
    return body


def changed_snapshot(stored: JsonObject, asked: JsonObject) -> JsonObject:
    """A stored snapshot with the members of a PUT or PATCH body in place."""
    properties: JsonObject = {**object_at(stored, "properties")}
    body: JsonObject = {**stored, "properties": properties}
    if "tags" in asked:
        body["tags"] = {**string_map_at(asked, "tags")}
    if object_at(asked, "sku"):
        body["sku"] = sku_of(asked, SNAPSHOT_SKUS, text_at(stored, "sku", "name"))
    changes = own_members(object_at(asked, "properties"))
    properties |= {k: v for k, v in changes.items() if k in _OWN}
    return body
