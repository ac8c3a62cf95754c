"""Microsoft.Compute/snapshots: full and incremental ones."""

from __future__ import annotations

import uuid

from azlab.core.arm import ArmCall
from azlab.core.clock import iso
from azlab.core.errors import ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, flag_at, make_object_at, object_at, text_at
from azlab.core.operations import PROVISIONED
from azlab.core.resource_ids import ResourceId, parse, same
from azlab.core.resources import Record
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services import placement
from azlab.services.compute import errors, snapshot_pace
from azlab.services.compute.disk_skus import SLOW_SNAPSHOT_SKUS
from azlab.services.compute.disk_state import shown, volume_of
from azlab.services.compute.disks import (
    DISKS,
    SNAPSHOTS,
    DiskCleaner,
    check_readable,
    copy_source,
)
from azlab.services.compute.references import referred
from azlab.services.compute.shapes import check_body
from azlab.services.compute.snapshot_bodies import (
    changed_snapshot,
    check_snapshot_option,
    snapshot_body,
)
from azlab.services.disks.guest import store_of
from azlab.services.placement import check_not_deleting, check_same_location, location_of

NOT_TAKEN = "compute.snapshotNotTaken"
_NOT_TAKEN_KIND = "snapshot-not-taken"


def present(call: ArmCall, record: Record) -> JsonObject:
    """A snapshot as GET and lists show it, with the progress of its copy."""
    body = shown(call.tx, record, call.request.now)
    properties = make_object_at(body, "properties")
    if flag_at(properties, "incremental"):
        percent = snapshot_pace.completion_percent(call.tx, volume_of(body), call.request.now)
        properties["completionPercent"] = percent
        properties["snapshotAccessState"] = "Available" if percent >= 100 else "Pending"
    return body


def put_snapshot(call: ArmCall) -> Response:
    """Take a snapshot; its content is that of the moment at which this is accepted."""
    asked = call.json()
    check_body("Snapshot", asked)
    location = location_of(asked)
    check_snapshot_option(asked)
    known = call.lab.resources.find(call.tx, call.id)
    if known is not None and _was_not_taken(call, known):
        call.lab.resources.remove(call.tx, known.id)  # nothing was taken: this is a new attempt
        known = None
    if known is not None:
        check_not_deleting(known)
        check_same_location(asked, known)
        _check_same_source(known.body, asked)
        return _accepted(call, changed_snapshot(known.body, asked), location)
    source = _source(call, asked, location)
    zrs = text_at(asked, "sku", "name").lower().endswith("_zrs")
    placement.check_zones(call, asked, location, zone_redundant=zrs)
    body = snapshot_body(
        asked,
        unique_id=str(uuid.uuid4()),
        created=iso(call.request.now),
        source=copy_source(source),
        zone_redundant_region=bool(placement.zones(call, location)),
    )
    if flag_at(body, "properties", "incremental"):
        _check_number(call, source)
        snapshot_pace.note_snapshot(call.tx, volume_of(source.body), call.request.now)
        slow = text_at(source.body, "sku", "name") in SLOW_SNAPSHOT_SKUS
        snapshot_pace.begin_copy(call.tx, volume_of(body), call.request.now, needed=slow)
    store_of(call.lab).snapshot(volume_of(source.body), volume_of(body))
    return _accepted(call, body, location, on_failure=NOT_TAKEN)


def patch_snapshot(call: ArmCall) -> Response:
    """Change tags, kind or access of a snapshot."""
    asked = call.json()
    check_body("SnapshotUpdate", asked)
    record = call.record()
    check_not_deleting(record)
    return _accepted(call, changed_snapshot(record.body, asked), location_of(record.body))


class SnapshotCleaner(DiskCleaner):
    """Frees what a snapshot owns when it goes, whichever way."""

    def __call__(self, tx: Transaction, resource_id: ResourceId, body: JsonObject) -> None:
        super().__call__(tx, resource_id, body)
        snapshot_pace.forget_copy(tx, volume_of(body))
        tx.delete(_NOT_TAKEN_KIND, volume_of(body))


def _was_not_taken(call: ArmCall, known: Record) -> bool:
    return call.tx.get(_NOT_TAKEN_KIND, volume_of(known.body)) is not None


def _source(call: ArmCall, asked: JsonObject, location: str) -> Record:
    member = "snapshot.creationData.sourceResourceId"
    text = text_at(asked, "properties", "creationData", "sourceResourceId")
    if not text:
        raise errors.required(member)
    from_snapshot = "/snapshots/" in text.lower()
    wanted = SNAPSHOTS if from_snapshot else DISKS
    found = referred(call, text, wanted, member)
    call.require_linked(f"{wanted}/beginGetAccess/action", found.id.text)
    if found.id.subscription.lower() != call.id.subscription.lower():
        raise errors.invalid(member, "A snapshot must be in the subscription of its disk.")
    if location_of(found.body) != location:
        raise errors.invalid(
            member,
            f"The source {found.id.text} is in {location_of(found.body)}; a snapshot must be "
            "taken in the same location.",
        )
    if from_snapshot and flag_at(asked, "properties", "incremental"):
        raise errors.unsupported("incremental copies of snapshots")
    check_readable(call, found)
    return found


def _check_same_source(stored: JsonObject, asked: JsonObject) -> None:
    before = text_at(stored, "properties", "creationData", "sourceResourceId")
    after = text_at(asked, "properties", "creationData", "sourceResourceId")
    if not same(before, after):
        raise errors.property_change_not_allowed("creationData.sourceResourceId")
    incremental = flag_at(asked, "properties", "incremental")
    if incremental is not None and incremental != flag_at(stored, "properties", "incremental"):
        raise errors.property_change_not_allowed("incremental")


def _check_number(call: ArmCall, disk: Record) -> None:
    unique_id = volume_of(disk.body)
    inside = ResourceId(call.id.subscription)
    count = sum(
        1
        for record in call.lab.resources.list(call.tx, inside, SNAPSHOTS)
        if text_at(record.body, "properties", "creationData", "sourceUniqueId") == unique_id
        and flag_at(record.body, "properties", "incremental")
    )
    if count >= snapshot_pace.MOST_OF_A_DISK:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The disk {disk.id.name} already has {count} incremental snapshots.",
        )


def register_operations(lab: Lab) -> None:
    """Make the failure of taking a snapshot known to the lab."""

    def not_taken(tx: Transaction, arguments: JsonObject) -> JsonValue:
        record = lab.resources.find(tx, parse(text_at(arguments, "id")))
        if record is not None:
            lab.resources.set_provisioning_state(tx, record.id, "Failed")
            tx.put(_NOT_TAKEN_KIND, volume_of(record.body), {})
        return None

    lab.operations.register(NOT_TAKEN, not_taken)


def _accepted(call: ArmCall, body: JsonObject, location: str, *, on_failure: str = "") -> Response:
    object_at(body, "properties")["provisioningState"] = "Updating"
    stored = call.lab.resources.put(call.tx, call.id, body)
    headers = call.start_operation(
        complete=PROVISIONED,
        arguments={"id": text_at(stored, "id")},
        location=location,
        on_failure=on_failure,
    )
    return json_response(202, present(call, Record(call.id, stored, "", "")), headers)
