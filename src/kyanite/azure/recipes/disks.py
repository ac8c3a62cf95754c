"""Disks again: to be filled by an upload, or from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kyanite.azure.compute.pages import FOOTER_BYTES
from kyanite.azure.recipes.frame import frame
from kyanite.base.json_types import JsonObject, JsonValue, as_object, as_text, dig

_DISK_KEPT: Final = (
    "osType",
    "hyperVGeneration",
    "encryption",
    "networkAccessPolicy",
    "diskAccessId",
    "publicNetworkAccess",
    "dataAccessAuthMode",
    "securityProfile",
    "purchasePlan",
    "supportedCapabilities",
    "burstingEnabled",
    "maxShares",
    "tier",
    "optimizedForFrequentAttach",
    "availabilityPolicy",
)
_FREE_PERFORMANCE_SKUS: Final = frozenset({"ultrassd_lrs", "premiumv2_lrs"})
"""Only these take IOPS and throughput of their own; the others derive them from the size."""


def disk_upload_body(
    raw_disk: JsonObject,
    size_bytes: int,
    *,
    location: str | None = None,
    sku: str | None = None,
    zones: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> JsonObject:
    """A disk like ``raw_disk`` that waits for the upload of its bytes.

    What is not given stays as it was; ``zones=()`` takes a zonal disk out of its zone.
    """
    return _disk_body(
        raw_disk,
        {"createOption": "Upload", "uploadSizeBytes": size_bytes + FOOTER_BYTES},
        location=location,
        sku=sku,
        zones=zones,
        tags=tags,
    )


def disk_from_snapshot_body(
    raw_disk: JsonObject,
    snapshot_id: str,
    *,
    location: str | None = None,
    sku: str | None = None,
    zones: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> JsonObject:
    """A disk like ``raw_disk`` with the bytes of a snapshot."""
    return _disk_body(
        raw_disk,
        {"createOption": "Copy", "sourceResourceId": snapshot_id},
        location=location,
        sku=sku,
        zones=zones,
        tags=tags,
    )


def _disk_body(
    raw_disk: JsonObject,
    creation: Mapping[str, JsonValue],
    *,
    location: str | None,
    sku: str | None,
    zones: Sequence[str] | None,
    tags: Mapping[str, str] | None,
) -> JsonObject:
    old = as_object(raw_disk.get("properties"))
    properties: dict[str, JsonValue] = {
        name: old[name] for name in _DISK_KEPT if old.get(name) is not None
    }
    creation_data = dict(creation)
    sector = dig(old, "creationData", "logicalSectorSize")
    if sector is not None:
        creation_data["logicalSectorSize"] = sector
    if dig(old, "creationData", "performancePlus"):
        creation_data["performancePlus"] = True
    properties["creationData"] = creation_data
    old_sku = as_text(dig(raw_disk, "sku", "name"))
    if sku is not None and sku.lower() != old_sku.lower():
        for name in ("tier", "burstingEnabled"):  # belong to the old kind of disk
            properties.pop(name, None)
    elif old_sku.lower() in _FREE_PERFORMANCE_SKUS:
        for name in ("diskIOPSReadWrite", "diskMBpsReadWrite"):
            if old.get(name) is not None:
                properties[name] = old[name]
    body = frame(raw_disk, properties, location, zones, tags)
    name = sku or old_sku
    if name:
        body["sku"] = {"name": name}
    return body
