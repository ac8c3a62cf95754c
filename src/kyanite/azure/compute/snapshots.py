"""Incremental snapshots of disks.

Names are fixed by the caller from its job, so that a second attempt finds the snapshot of
the first: creating one twice is one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import access
from kyanite.azure.operations import Operation
from kyanite.azure.pauses import pause
from kyanite.base.errors import Rejected
from kyanite.base.json_types import JsonObject, as_text, dig

_POLL_SECONDS: Final = 1.0
_LONGEST_POLL_SECONDS: Final = 15.0
_COMPLETE: Final = 100


def find(arm: ArmClient, snapshot_id: str) -> JsonObject | None:
    """One snapshot, or ``None``."""
    return arm.find(snapshot_id)


def list_snapshots(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """All snapshots of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/snapshots")


def begin_incremental(
    arm: ArmClient,
    snapshot_id: str,
    location: str,
    disk_id: str,
    tags: Mapping[str, str],
    *,
    zone_redundant: bool = False,
) -> Operation:
    """Start an incremental snapshot; ``arm.wait`` follows it.

    Several can be started before the first is waited for, which keeps the disks of one
    machine close together in time. Starting one twice is one snapshot.
    """
    return arm.begin(
        "PUT",
        snapshot_id,
        {
            "location": location,
            "tags": dict(tags),
            "sku": {"name": "Standard_ZRS" if zone_redundant else "Standard_LRS"},
            "properties": {
                "incremental": True,
                "creationData": {"createOption": "Copy", "sourceResourceId": disk_id},
            },
        },
    )


def wait_complete(arm: ArmClient, snapshot_id: str) -> JsonObject:
    """The snapshot when its copy is complete and its bytes can be read.

    Raises ``Rejected`` when Azure says that the copy failed.
    """
    seconds = _POLL_SECONDS
    while True:
        snapshot = arm.get(snapshot_id)
        state = as_text(dig(snapshot, "properties", "provisioningState")).lower()
        failure = as_text(dig(snapshot, "properties", "copyCompletionError", "errorMessage"))
        if failure or state == "failed":
            raise Rejected(
                f"The snapshot {snapshot_id} failed: {failure or 'no reason given'}",
                code=as_text(dig(snapshot, "properties", "copyCompletionError", "errorCode")),
            )
        if state in ("", "succeeded") and _percent(snapshot) >= _COMPLETE:
            return snapshot
        pause(seconds, arm.check)
        seconds = min(seconds * 1.5, _LONGEST_POLL_SECONDS)


def _percent(snapshot: JsonObject) -> float:
    """``completionPercent``; snapshots that need no background copy do not have it."""
    percent = dig(snapshot, "properties", "completionPercent")
    return float(percent) if isinstance(percent, int | float) else float(_COMPLETE)


def delete(arm: ArmClient, snapshot_id: str) -> None:
    """Delete a snapshot and wait; a missing one is fine, and so is one that somebody reads:
    Azure deletes nothing with a live access, so that is ended first."""
    try:
        arm.delete(snapshot_id)
    except Rejected:
        access.revoke(arm, snapshot_id)
        arm.delete(snapshot_id)
