"""Management locks: what Azure refuses to change or delete."""

from __future__ import annotations

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import as_text


def first_lock(arm: ArmClient, resource_id: str) -> str | None:
    """The name of a lock on a resource or above it; ``None`` when there is none."""
    for lock in arm.list(f"{resource_id}/providers/Microsoft.Authorization/locks"):
        return as_text(lock.get("name")) or "without a name"
    return None
