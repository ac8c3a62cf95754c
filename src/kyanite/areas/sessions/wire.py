"""Sessions, their lines and items as the contract shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from starlette.requests import Request

from kyanite.base.json_types import JsonObject, JsonValue, as_object
from kyanite.durable.session_tables import ItemRow, ItemRunRow, LogRow, SessionRow
from kyanite.http.answers import wire_time
from kyanite.http.links import self_link
from kyanite.rules.session_types import InfoBlock, session_type
from kyanite.rules.sessions import SessionStatus

_SUCCEEDED = (SessionStatus.SUCCESS, SessionStatus.WARNING)


def time_span(duration: timedelta) -> str:
    """``[d.]hh:mm:ss[.fffffff]`` (docs/behaviour/api-conventions.md, section 4)."""
    microseconds = max(0, round(duration.total_seconds() * 1_000_000))
    seconds, fraction = divmod(microseconds, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if days:
        text = f"{days}.{text}"
    return f"{text}.{fraction:06}0" if fraction else text


def session(
    request: Request,
    row: SessionRow,
    counts: Mapping[tuple[str, str], int],
    now: datetime,
) -> JsonObject:
    """``JobSession``. ``counts``: items by session and kind."""
    kind = session_type(row.type)
    blocks: dict[str, JsonValue] = {block.value: None for block in InfoBlock}
    if kind.info is not None:
        blocks[kind.info.value] = _info(kind.info, row, counts)
    return {
        "id": row.id,
        "type": row.type,
        "localizedType": kind.display_name,
        "executionStartTime": _time(row.started_at),
        "executionStopTime": _time(row.finished_at),
        "executionDuration": _duration(row.started_at, row.finished_at, now),
        "status": row.status,
        **blocks,
        "_links": self_link(request, f"/jobSessions/{row.id}"),
    }


def session_of_resource(
    request: Request,
    row: SessionRow,
    runs: Sequence[ItemRunRow],
    counts: Mapping[tuple[str, str], int],
    now: datetime,
) -> JsonObject:
    """``JobSession`` restricted to one resource: status and times are those of its attempts."""
    whole = session(request, row, counts, now)
    if not runs:
        return whole
    began, last = runs[0].started_at, runs[-1]
    return {
        **whole,
        "executionStartTime": wire_time(began),
        "executionStopTime": _time(last.ended_at),
        "executionDuration": _duration(began, last.ended_at, now),
        "status": last.status,
    }


def log(session_id: str, lines: Sequence[LogRow], now: datetime) -> JsonObject:
    """``JobSessionLog``."""
    return {
        "jobSessionId": session_id,
        "log": [
            {
                "logTime": wire_time(line.logged_at),
                "status": line.status,
                "message": line.message,
                "resourceHashId": line.resource_id,
                "executionStartTime": wire_time(line.logged_at),
                "executionDuration": _duration(line.logged_at, line.ended_at, now),
            }
            for line in lines
        ],
    }


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
                "endTime": _time(run.ended_at),
                "rates": _rates(run, now),
            }
            for run in runs
        ],
        "successCount": sum(run.status in _SUCCEEDED for run in runs),
        "failureCount": sum(run.status == SessionStatus.ERROR for run in runs),
        "protectedRegionsCount": 0,
    }


def restored_item(item: ItemRow) -> JsonObject:
    """``RestoredItem``."""
    detail = as_object(item.detail)
    return {
        "name": item.name,
        "resourceGroupName": detail.get("resourceGroupName"),
        "regionName": detail.get("regionName"),
    }


def deleted_item(item: ItemRow) -> JsonObject:
    """``JobDeletedRestorePoint``."""
    detail = as_object(item.detail)
    return {
        "backupSizeBytes": detail.get("backupSizeBytes"),
        "snapshotTime": detail.get("snapshotTime"),
        "repositoryId": detail.get("repositoryId"),
        "repositoryName": detail.get("repositoryName"),
        "resource": item.resource,
    }


def _info(
    block: InfoBlock, row: SessionRow, counts: Mapping[tuple[str, str], int]
) -> JsonObject | None:
    match block:
        case InfoBlock.BACKUP:
            return {
                "policyId": row.policy_id,
                "policyName": row.policy_name,
                "policyType": row.policy_type or "Unknown",
                "protectedInstancesCount": counts.get((row.id, "protected"), 0),
                "policyRemoved": row.policy_removed,
            }
        case InfoBlock.RESTORE:
            return {
                "reason": row.reason,
                "backupPolicyDisplayName": row.source_policy_name,
            }
        case InfoBlock.REPOSITORY:
            return {
                "repositoryId": row.repository_id,
                "repositoryName": row.repository_name,
                "repositoryRemoved": row.repository_removed,
            }
        case InfoBlock.RETENTION:
            return {"deletedRestorePointsCount": counts.get((row.id, "deleted"), 0)}
        case _:
            # No session of such a type is started yet.
            return None


def _rates(run: ItemRunRow, now: datetime) -> JsonObject:
    seconds = ((run.ended_at or now) - run.started_at).total_seconds()
    return {
        "totalDataBytes": run.total_bytes,
        "readDataBytes": run.read_bytes,
        "processedDataBytes": run.processed_bytes,
        "transferredDataBytes": run.transferred_bytes,
        "processingRateBytesPerSecond": round(run.processed_bytes / seconds) if seconds > 0 else 0,
    }


def _time(moment: datetime | None) -> str | None:
    return wire_time(moment) if moment is not None else None


def _duration(began: datetime | None, ended: datetime | None, now: datetime) -> str | None:
    return time_span((ended or now) - began) if began is not None else None
