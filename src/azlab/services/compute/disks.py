"""Microsoft.Compute/disks: create, change, delete, list."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from azlab.core.arm import ArmCall, delete_later
from azlab.core.clock import iso
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, integer_at, object_at, text_at, texts_at
from azlab.core.operations import PROVISIONED
from azlab.core.resource_ids import ResourceId, same
from azlab.core.resources import Record
from azlab.core.state import Transaction
from azlab.services import placement
from azlab.services.compute import errors, snapshot_pace
from azlab.services.compute.disk_bodies import (
    CopySource,
    changed_disk,
    check_create_option,
    disk_body,
    size_bytes_of,
)
from azlab.services.compute.disk_state import (
    UPLOADING,
    current_state,
    is_snapshot,
    shown,
    volume_of,
)
from azlab.services.compute.references import referred
from azlab.services.compute.shapes import check_body
from azlab.services.disks import grants
from azlab.services.disks.guest import store_of
from azlab.services.placement import check_not_deleting, check_same_location, location_of

DISKS = "Microsoft.Compute/disks"
SNAPSHOTS = "Microsoft.Compute/snapshots"


def present(call: ArmCall, record: Record) -> JsonObject:
    """A disk or snapshot as GET and lists show it."""
    return shown(call.tx, record, call.request.now)


def put_disk(call: ArmCall) -> Response:
    """Create a disk, or change one that exists; both are long-running."""
    asked = call.json()
    check_body("Disk", asked)
    known = call.lab.resources.find(call.tx, call.id)
    if known is not None:
        return _change(call, known, asked)
    location = location_of(asked)
    option = check_create_option(asked)
    placement.check_zones(call, asked, location, zone_redundant=_is_zrs(asked))
    source = _copy_source(call, asked, location) if option == "Copy" else None
    size_bytes = size_bytes_of(asked, source)
    body = disk_body(
        asked,
        size_bytes=size_bytes,
        unique_id=str(uuid.uuid4()),
        created=iso(call.request.now),
        source=source,
    )
    store = store_of(call.lab)
    if source is None:
        store.create(volume_of(body), size_bytes)
    else:
        store.clone(source.unique_id, volume_of(body), size_bytes)
    return _accepted(call, body, location)


def patch_disk(call: ArmCall) -> Response:
    """Change tags, kind, size or access of a disk."""
    asked = call.json()
    check_body("DiskUpdate", asked)
    return _change(call, call.record(), asked)


def delete_unheld(call: ArmCall) -> Response:
    """Delete a disk or snapshot that no machine has and nobody reads."""
    record = call.lab.resources.find(call.tx, call.id)
    if record is not None:
        check_deletable(call, record)
    return delete_later(call)


def check_deletable(call: ArmCall, record: Record) -> None:
    """Raise 409 while a machine or a SAS holds the disk or snapshot."""
    machine_id = text_at(record.body, "managedBy")
    if machine_id:
        raise errors.disk_attached(record.id.name, machine_id)
    if grants.live_on(call.tx, record.id.text, call.request.now):
        raise errors.live_access("snapshot" if is_snapshot(record.id) else "disk", record.id.name)


class DiskCleaner:
    """Frees what a disk or snapshot owns when it goes, whichever way."""

    def __init__(self, drop_volume: Callable[[str], None]) -> None:
        self._drop_volume = drop_volume

    def __call__(self, tx: Transaction, resource_id: ResourceId, body: JsonObject) -> None:
        grants.revoke(tx, resource_id.text)
        volume_id = volume_of(body)
        tx.after_commit(lambda: self._drop_volume(volume_id))


def _change(call: ArmCall, known: Record, asked: JsonObject) -> Response:
    check_not_deleting(known)
    if "location" in asked:
        check_same_location(asked, known)
    _check_fixed_members(known.body, asked)
    body = changed_disk(known.body, asked)
    grown = integer_at(body, "properties", "diskSizeBytes") or 0
    if grown != integer_at(known.body, "properties", "diskSizeBytes"):
        state = current_state(call.tx, known, call.request.now)
        if state in (*UPLOADING, "ActiveSAS"):
            raise errors.bad_disk_state(known.id.name, state, "Unattached, Attached or Reserved")
        store_of(call.lab).resize(volume_of(body), grown)
    return _accepted(call, body, location_of(body))


def _check_fixed_members(stored: JsonObject, asked: JsonObject) -> None:
    creation = object_at(asked, "properties", "creationData")
    before = object_at(stored, "properties", "creationData")
    for name, value in creation.items():
        if value is None or name == "sourceUniqueId":
            continue
        kept = before.get(name)
        if isinstance(value, str) and isinstance(kept, str):
            if not same(value, kept):
                raise errors.property_change_not_allowed(f"creationData.{name}")
        elif value != kept:
            raise errors.property_change_not_allowed(f"creationData.{name}")
    if "zones" in asked and texts_at(asked, "zones") != texts_at(stored, "zones"):
        raise errors.property_change_not_allowed("zones")


def _accepted(call: ArmCall, body: JsonObject, location: str) -> Response:
    properties = object_at(body, "properties")
    properties["provisioningState"] = "Updating"
    stored = call.lab.resources.put(call.tx, call.id, body)
    headers = call.start_operation(
        complete=PROVISIONED, arguments={"id": text_at(stored, "id")}, location=location
    )
    return json_response(202, present(call, Record(call.id, stored, "", "")), headers)


def _copy_source(call: ArmCall, asked: JsonObject, location: str) -> CopySource:
    member = "disk.creationData.sourceResourceId"
    text = text_at(asked, "properties", "creationData", "sourceResourceId")
    if not text:
        raise errors.required(member)
    wanted = SNAPSHOTS if "/snapshots/" in text.lower() else DISKS
    found = referred(call, text, wanted, member)
    call.require_linked(f"{wanted}/beginGetAccess/action", found.id.text)
    if location_of(found.body) != location:
        raise errors.invalid(
            member,
            f"The source {found.id.text} is in {location_of(found.body)}; a copy must be made in "
            "the same location.",
        )
    check_readable(call, found)
    return copy_source(found)


def check_readable(call: ArmCall, record: Record) -> None:
    """Raise 409 while a disk or snapshot has no bytes to read yet."""
    state = current_state(call.tx, record, call.request.now)
    check_not_deleting(record)
    if state in UPLOADING:
        raise errors.bad_disk_state(record.id.name, state, "a finished upload")
    if text_at(record.body, "properties", "provisioningState") == "Failed":
        raise errors.bad_disk_state(record.id.name, "Failed", "the provisioning state Succeeded")
    if not snapshot_pace.is_usable(call.tx, volume_of(record.body), call.request.now):
        raise errors.bad_disk_state(record.id.name, "Pending", "a completionPercent of 100")


def copy_source(record: Record) -> CopySource:
    """What a copy of this disk or snapshot takes over."""
    return CopySource(
        record.id.text,
        volume_of(record.body),
        integer_at(record.body, "properties", "diskSizeBytes") or 0,
        object_at(record.body, "properties"),
    )


def _is_zrs(asked: JsonObject) -> bool:
    return text_at(asked, "sku", "name").lower().endswith("_zrs")
