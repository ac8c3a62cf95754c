"""Sessions and their lines as the contract shows them; `item_wire.py` has the items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from starlette.requests import Request

from kyanite.base.json_types import JsonObject, JsonValue, as_object
from kyanite.durable.session_tables import ItemRunRow, LogRow, SessionRow
from kyanite.http.answers import wire_time
from kyanite.http.links import links
from kyanite.rules.session_types import Details, InfoBlock, session_type


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
        blocks[kind.info.value] = info_block(kind.info, row, counts)
    return {
        "id": row.id,
        "type": row.type,
        "localizedType": kind.display_name,
        "executionStartTime": time_or_none(row.started_at),
        "executionStopTime": time_or_none(row.finished_at),
        "executionDuration": _duration(row.started_at, row.finished_at, now),
        "status": row.status,
        **blocks,
        "_links": _links(request, row.id, kind.details),
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
        "executionStopTime": time_or_none(last.ended_at),
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


def _links(request: Request, session_id: str, details: Details | None) -> JsonObject:
    path = f"/jobSessions/{session_id}"
    relations = {"self": path, "log": f"{path}/log"}
    if details is not None:
        relations[details.value] = f"{path}/{details.value}"
    return links(request, **relations)


def info_block(
    block: InfoBlock, row: SessionRow, counts: Mapping[tuple[str, str], int]
) -> JsonObject:
    """The one block of members that sessions of a type have beside the common ones."""
    policy: JsonObject = {
        "policyId": row.policy_id,
        "policyName": row.policy_name,
        "policyRemoved": row.policy_removed,
    }
    info = as_object(row.info) if row.info is not None else {}
    match block:
        case InfoBlock.BACKUP:
            return {
                **policy,
                "policyType": row.policy_type or "Unknown",
                "protectedInstancesCount": counts.get((row.id, "protected"), 0),
            }
        case InfoBlock.HEALTH_CHECK:
            return {**policy, "checkedInstancesCount": counts.get((row.id, "checked"), 0)}
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
        case InfoBlock.FILE_LEVEL_RESTORE:
            return {
                "initiator": row.initiator,
                "reason": row.reason,
                "backupPolicyDisplayName": row.source_policy_name,
                "isFlrSessionReady": False,
                **info,
            }
        case InfoBlock.FILE_SHARE_FILE_LEVEL_RESTORE:
            return {
                "initiator": row.initiator,
                "reason": row.reason,
                "backupPolicyDisplayName": row.source_policy_name,
                **info,
            }
        case InfoBlock.DATA_RETRIEVAL:
            return {"initiator": row.initiator, **info}


def time_or_none(moment: datetime | None) -> str | None:
    return wire_time(moment) if moment is not None else None


def _duration(began: datetime | None, ended: datetime | None, now: datetime) -> str | None:
    return time_span((ended or now) - began) if began is not None else None
