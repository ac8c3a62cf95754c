"""Managed disks. Raw JSON; bodies for new ones are made in ``kyanite.rules.restore_bodies``."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import access
from kyanite.base.errors import Rejected
from kyanite.base.json_types import JsonObject


def list_disks(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The disks of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/disks")


def get(arm: ArmClient, disk_id: str) -> JsonObject:
    """One disk. Raises ``Gone``."""
    return arm.get(disk_id)


def delete(arm: ArmClient, disk_id: str) -> None:
    """Delete a disk and wait; a missing one is fine, and so is one that somebody reads:
    Azure deletes nothing with a live access, so that is ended first."""
    try:
        arm.delete(disk_id)
    except Rejected:
        access.revoke(arm, disk_id)
        arm.delete(disk_id)
