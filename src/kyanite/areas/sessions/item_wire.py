"""The items of sessions as the detail lists show them (docs/behaviour/sessions.md, section 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from kyanite.areas.sessions.wire import time_or_none
from kyanite.base.json_types import JsonObject, JsonValue, as_object
from kyanite.durable.session_tables import ItemRow, ItemRunRow
from kyanite.http.answers import wire_time
from kyanite.rules.session_types import Details
from kyanite.rules.sessions import SUCCEEDED, SessionStatus

KINDS: Final[Mapping[Details, str]] = {
    Details.PROTECTED: "protected",
    Details.DELETED: "deleted",
    Details.CHECKED: "checked",
    Details.RESTORED: "restored",
    Details.RESTORED_DATABASES: "restored",
    Details.RESTORED_ACCOUNTS: "restored",
    Details.RESTORED_FILES: "restored",
    Details.RESTORED_SHARE_FILES: "restored",
    Details.RESTORED_NETWORKS: "restored",
}
"""The kind of item (`ItemRow.kind`) that each list shows."""

_MEMBERS: Final[Mapping[Details, tuple[str, ...]]] = {
    Details.DELETED: ("backupSizeBytes", "snapshotTime", "repositoryId", "repositoryName"),
    Details.CHECKED: ("repository", "status", "error", "totalRestorePoints"),
    Details.RESTORED: ("resourceGroupName", "regionName"),
    Details.RESTORED_DATABASES: ("sqlServerName", "elasticPoolName"),
    Details.RESTORED_ACCOUNTS: (
        "subscriptionId",
        "subscriptionName",
        "resourceGroupName",
        "regionName",
    ),
    Details.RESTORED_FILES: (
        "filePath",
        "virtualMachineName",
        "resourceGroupName",
        "regionName",
    ),
    Details.RESTORED_SHARE_FILES: ("filePath",),
    Details.RESTORED_NETWORKS: (
        "resourceGroupName",
        "regionName",
        "subscriptionName",
        "status",
    ),
}
_NAMED: Final = frozenset(
    {
        Details.RESTORED,
        Details.RESTORED_DATABASES,
        Details.RESTORED_ACCOUNTS,
        Details.RESTORED_SHARE_FILES,
        Details.RESTORED_NETWORKS,
    }
)


def plain_item(details: Details) -> Callable[[ItemRow], JsonObject]:
    """What makes an item of a list from its row, for all lists but that of protected items."""
    members = _MEMBERS[details]

    def item(row: ItemRow) -> JsonObject:
        stored = as_object(row.detail) if row.detail is not None else {}
        wire: dict[str, JsonValue] = {name: stored.get(name) for name in members}
        if details in _NAMED:
            wire["name"] = row.name
        elif details is Details.DELETED:
            wire["resource"] = row.resource
        elif details is Details.CHECKED:
            wire |= {
                "id": row.key,
                "resource": row.resource,
                "corruptedRestorePoints": stored.get("corruptedRestorePoints") or 0,
            }
        return wire

    return item


def protected_item(item: ItemRow, runs: Sequence[ItemRunRow], now: datetime) -> JsonObject:
    """``ProtectedItem``."""
    return {
        "resource": item.resource,
        "resourceParent": item.parent,
        "runs": [
            {
                "jobSessionId": item.session_id,
                "status": run.status,
                "startTime": wire_time(run.started_at),
                "endTime": time_or_none(run.ended_at),
                "rates": _rates(run, now),
            }
            for run in runs
        ],
        "successCount": sum(run.status in SUCCEEDED for run in runs),
        "failureCount": sum(run.status == SessionStatus.ERROR for run in runs),
        "protectedRegionsCount": _regions(item),
    }


def _rates(run: ItemRunRow, now: datetime) -> JsonObject:
    seconds = ((run.ended_at or now) - run.started_at).total_seconds()
    return {
        "totalDataBytes": run.total_bytes,
        "readDataBytes": run.read_bytes,
        "processedDataBytes": run.processed_bytes,
        "transferredDataBytes": run.transferred_bytes,
        "processingRateBytesPerSecond": round(run.processed_bytes / seconds) if seconds > 0 else 0,
    }


def _regions(item: ItemRow) -> int:
    """Of a virtual network service: how many regions of a subscription were protected."""
    stored = as_object(item.detail) if item.detail is not None else {}
    count = stored.get("protectedRegionsCount")
    return count if isinstance(count, int) else 0
