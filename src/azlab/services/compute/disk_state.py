"""What state a disk or snapshot is in, worked out from what is true at the moment.

Only the phases of an upload are stored (`ReadyToUpload`, `ActiveUpload`); whether somebody
holds a SAS or a machine has the disk is looked up, so it can never be stale.
"""

from __future__ import annotations

from datetime import datetime

from azlab.core.json_types import JsonObject, make_object_at, text_at
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import Record
from azlab.core.state import Transaction
from azlab.services.compute import machine_power
from azlab.services.disks import grants

READY_TO_UPLOAD, ACTIVE_UPLOAD = "ReadyToUpload", "ActiveUpload"
UPLOADING = (READY_TO_UPLOAD, ACTIVE_UPLOAD)


def current_state(tx: Transaction, record: Record, now: datetime) -> str:
    """The `diskState` that Azure would show."""
    stored = text_at(record.body, "properties", "diskState")
    if stored in UPLOADING:
        return stored
    if grants.live_on(tx, record.id.text, now):
        return "ActiveSAS"
    machine_id = text_at(record.body, "managedBy")
    if not machine_id:
        return "Unattached"
    return "Attached" if machine_power.is_allocated(tx, machine_id) else "Reserved"


def shown(tx: Transaction, record: Record, now: datetime) -> JsonObject:
    """The body with its state of this moment."""
    state = current_state(tx, record, now)
    make_object_at(record.body, "properties")["diskState"] = state
    return record.body


def set_upload_state(tx_body: JsonObject, state: str) -> None:
    """Move a disk's upload on; `Unattached` ends it."""
    make_object_at(tx_body, "properties")["diskState"] = state


def volume_of(body: JsonObject) -> str:
    """The page store's name for a disk or snapshot."""
    return text_at(body, "properties", "uniqueId")


def is_snapshot(resource_id: ResourceId) -> bool:
    """Snapshots and disks share most of their calls."""
    return resource_id.types[-1].lower() == "snapshots"
