"""Names and tags of what a job makes in Azure.

They follow from the job alone, so that a second attempt finds what the first one made, and
whatever carries our tags can be recognised and cleaned up.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Final

from kyanite.base.json_types import JsonObject, as_text, dig

SESSION_TAG: Final = "kyanite-session"
POINT_TAG: Final = "kyanite-point"
MACHINE_TAG: Final = "kyanite-machine"
KIND_TAG: Final = "kyanite-kind"
APPLIANCE_TAG: Final = "kyanite-appliance"
"""The installation that made it: what another appliance made is none of our business."""
POLICY_SNAPSHOT: Final = "policy-snapshot"
RESTORE_TAG: Final = "kyanite-restore"
"""On everything a restore makes, until it has succeeded; its value is the session."""

RESERVED_PREFIX: Final = "kyanite-"

_NAMESPACE: Final = uuid.UUID("6b79616e-6974-4e00-8000-000000000001")


def snapshot_name(job_id: str, disk_id: str) -> str:
    """Name of the snapshot that ``job_id`` makes of a disk."""
    digest = hashlib.sha256(disk_id.lower().encode()).hexdigest()
    return f"kyanite-{job_id}-{digest[:12]}"


def snapshot_tags(
    appliance_id: str, session_id: str, point_id: str, machine_id: str
) -> dict[str, str]:
    """Tags by which a snapshot is recognised."""
    return {
        APPLIANCE_TAG: appliance_id,
        SESSION_TAG: session_id,
        POINT_TAG: point_id,
        MACHINE_TAG: machine_id,
        KIND_TAG: POLICY_SNAPSHOT,
    }


def point_id(session_id: str, machine_id: str, attempt: int) -> str:
    """Id of the restore point that this attempt at a machine makes, the same on every try."""
    return str(uuid.uuid5(_NAMESPACE, f"{session_id}/{machine_id}/{attempt}"))


def staging_group(session_id: str) -> str:
    """Resource group in which a restore to the original place gathers its disks."""
    return f"kyanite-restore-{session_id}"


def is_marked(resource: JsonObject, tag: str, value: str) -> bool:
    """Whether a raw resource carries ``tag`` with this value."""
    return as_text(dig(resource, "tags", tag)) == value


def without_marks(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a resource without ours."""
    return {name: value for name, value in tags.items() if not name.startswith(RESERVED_PREFIX)}
