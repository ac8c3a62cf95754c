"""From the body of a disk request to the stored disk: defaults, figures and refusals.

Nothing here reads or writes anything; the facts about sources come as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    integer_at,
    object_at,
    string_map_at,
    text_at,
    texts_at,
)
from azlab.services.compute.disk_skus import DISK_SKUS, performance
from azlab.services.compute.errors import invalid, required, unsupported
from azlab.services.disks.footer import FOOTER_BYTES

GIB = 1 << 30
MIB = 1 << 20
_SMALLEST_UPLOAD_BYTES = 20 * MIB
_LARGEST_GIB = 65_536
UNSUPPORTED_OPTIONS = {
    "fromimage",
    "import",
    "importsecure",
    "restore",
    "uploadpreparedsecure",
    "attach",
    "copystart",
    "copyfromsansnapshot",
}
_INHERITED = (
    "osType",
    "hyperVGeneration",
    "purchasePlan",
    "supportedCapabilities",
    "securityProfile",
)
_OWN_MEMBERS = (
    *_INHERITED,
    "encryption",
    "encryptionSettingsCollection",
    "networkAccessPolicy",
    "diskAccessId",
    "publicNetworkAccess",
    "dataAccessAuthMode",
    "maxShares",
    "burstingEnabled",
    "supportsHibernation",
    "optimizedForFrequentAttach",
    "availabilityPolicy",
    "diskIOPSReadWrite",
    "diskMBpsReadWrite",
    "diskIOPSReadOnly",
    "diskMBpsReadOnly",
    "tier",
)


@dataclass(frozen=True, slots=True)
class CopySource:
    """What a copy takes over from the disk or snapshot it is made from."""

    resource_id: str
    unique_id: str
    size_bytes: int
    properties: JsonObject


def sku_of(asked: JsonObject, known: dict[str, tuple[str, str]], default: str) -> JsonObject:
    """Name and tier of the kind that a body asks for."""
    name = text_at(asked, "sku", "name") or default
    if name.lower() not in known:
        raise invalid("sku.name", f"'{name}' is not a storage account type for this resource.")
    proper, tier = known[name.lower()]
    return {"name": proper, "tier": tier}


def size_bytes_of(asked: JsonObject, source: CopySource | None) -> int:
    """The bytes of a new disk, by its create option."""
    option = text_at(asked, "properties", "creationData", "createOption").lower()
    size_gib = integer_at(asked, "properties", "diskSizeGB")
    if size_gib is not None and not 1 <= size_gib <= _LARGEST_GIB:
        raise invalid("disk.diskSizeGB", f"The disk size {size_gib} GiB is out of range.")
    if option == "upload":
        return _upload_size_bytes(asked)
    if source is not None:
        if size_gib is None:
            return source.size_bytes
        if size_gib * GIB < source.size_bytes:
            raise invalid("disk.diskSizeGB", "A disk cannot be smaller than its source.")
        return size_gib * GIB
    if size_gib is None:
        raise required("disk.diskSizeGB")
    return size_gib * GIB


def check_create_option(asked: JsonObject) -> str:
    """`Empty`, `Upload` or `Copy`; everything else is refused aloud."""
    option = text_at(asked, "properties", "creationData", "createOption")
    if not option:
        raise required("disk.creationData.createOption")
    if option.lower() in UNSUPPORTED_OPTIONS:
        raise unsupported(f"disks with the createOption {option}")
    proper = {"empty": "Empty", "upload": "Upload", "copy": "Copy"}.get(option.lower())
    if proper is None:
        raise invalid(
            "disk.creationData.createOption", f"The createOption '{option}' does not exist."
        )
    sector_bytes = integer_at(asked, "properties", "creationData", "logicalSectorSize")
    if sector_bytes not in (None, 512):
        raise unsupported("disks with sectors of 4096 bytes")
    return proper


def disk_body(
    asked: JsonObject,
    *,
    size_bytes: int,
    unique_id: str,
    created: str,
    source: CopySource | None,
) -> JsonObject:
    """The stored body of a new disk."""
    sku = sku_of(asked, DISK_SKUS, "Standard_LRS")
    option = check_create_option(asked)
    size_gib = -(-size_bytes // GIB)
    creation: JsonObject = {**object_at(asked, "properties", "creationData")}
    creation["createOption"] = option
    if source is not None:
        creation["sourceResourceId"] = source.resource_id
        creation["sourceUniqueId"] = source.unique_id
    properties: JsonObject = {
        "creationData": creation,
        "diskSizeGB": size_gib,
        "diskSizeBytes": size_bytes,
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
        "dataAccessAuthMode": "None",
        "timeCreated": created,
        "uniqueId": unique_id,
        "diskState": "ReadyToUpload" if option == "Upload" else "Unattached",
        "provisioningState": "Updating",
        **_figures(text_at(sku, "name"), size_gib),
    }
    if source is not None:
        properties |= {k: v for k, v in source.properties.items() if k in _INHERITED}
    properties |= own_members(object_at(asked, "properties"))
    body: JsonObject = {
        "location": text_at(asked, "location").replace(" ", "").lower(),
        "sku": sku,
        "properties": properties,
    }
    if tags := string_map_at(asked, "tags"):
        body["tags"] = {**tags}
    if zones := texts_at(asked, "zones"):
        body["zones"] = [*zones]
    return body


def own_members(asked: JsonObject) -> JsonObject:
    """The properties that a client may set and that are kept as they are."""
    return {k: v for k, v in asked.items() if k in _OWN_MEMBERS and v is not None}


def changed_disk(stored: JsonObject, asked: JsonObject) -> JsonObject:
    """A stored disk with the members of a PUT or PATCH body in place."""
    properties: JsonObject = {**object_at(stored, "properties")}
    body: JsonObject = {**stored, "properties": properties}
    if "tags" in asked:
        body["tags"] = {**string_map_at(asked, "tags")}
    if object_at(asked, "sku"):
        body["sku"] = sku_of(asked, DISK_SKUS, text_at(stored, "sku", "name"))
    properties |= own_members(object_at(asked, "properties"))
    size_gib = integer_at(asked, "properties", "diskSizeGB")
    before = integer_at(properties, "diskSizeGB") or 0
    if size_gib is not None and size_gib != before:
        if size_gib < before:
            raise invalid("diskSizeGB", "A disk cannot be made smaller.")
        if size_gib > _LARGEST_GIB:
            raise invalid("diskSizeGB", f"The disk size {size_gib} GiB is out of range.")
        properties["diskSizeGB"] = size_gib
        properties["diskSizeBytes"] = size_gib * GIB
    if "sku" in asked or size_gib is not None:
        figures = _figures(text_at(body, "sku", "name"), integer_at(properties, "diskSizeGB") or 0)
        asked_for = own_members(object_at(asked, "properties"))
        properties |= {k: v for k, v in figures.items() if k not in asked_for}
    return body


def _figures(sku: str, size_gib: int) -> dict[str, JsonValue]:
    figures = performance(sku, size_gib)
    found: dict[str, JsonValue] = {
        "diskIOPSReadWrite": figures.iops,
        "diskMBpsReadWrite": figures.megabytes_per_second,
    }
    if figures.tier is not None:
        found["tier"] = figures.tier
    return found


def _upload_size_bytes(asked: JsonObject) -> int:
    with_footer = integer_at(asked, "properties", "creationData", "uploadSizeBytes")
    if with_footer is None:
        raise required("disk.creationData.uploadSizeBytes")
    size_bytes = with_footer - FOOTER_BYTES
    if size_bytes < _SMALLEST_UPLOAD_BYTES or size_bytes % MIB:
        raise invalid(
            "disk.creationData.uploadSizeBytes",
            f"The upload size {with_footer} is not valid: it must be a multiple of 1 MiB plus the "
            "512 bytes of the VHD footer, and at least 20 MiB plus 512 bytes.",
        )
    return size_bytes
