"""The list of sessions as a file (docs/behaviour/api-conventions.md, section 9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.sessions import queries
from kyanite.areas.sessions.filters import SessionFilter, conditions
from kyanite.areas.sessions.listing import sessions_after
from kyanite.areas.sessions.wire import info_block, time_span
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.job_sessions import JobSessionExportOptions
from kyanite.db.database import Database
from kyanite.durable.session_tables import SessionRow
from kyanite.http.exports import Row, in_portions
from kyanite.rules.session_types import session_type

_INFO: Final = (
    "policyId",
    "policyName",
    "policyType",
    "policyRemoved",
    "protectedInstancesCount",
    "checkedInstancesCount",
    "deletedRestorePointsCount",
    "repositoryId",
    "repositoryName",
    "repositoryRemoved",
    "reason",
    "backupPolicyDisplayName",
)
COLUMNS: Final = (
    "id",
    "type",
    "localizedType",
    "executionStartTime",
    "executionStopTime",
    "executionDuration",
    "status",
    *_INFO,
)
_AT_ONCE: Final = 500


def filter_of(options: JobSessionExportOptions) -> SessionFilter:
    """What an export is narrowed to; nothing given is everything."""
    return SessionFilter(
        ids=options.job_session_ids,
        policy_id=None if options.policy_id is None else str(options.policy_id),
        policy_text=options.filter,
        statuses=[one.value for one in options.status or ()],
        categories=[one.value for one in options.session_types or ()],
        workloads=[one.value for one in options.workload_types or ()],
        since=options.from_utc,
        until=options.to_utc,
    )


def rows(database: Database, wanted: SessionFilter, now: datetime) -> Iterator[Row]:
    """All sessions, newest first, read in portions while the file is sent."""
    with database.reading() as db:
        limits = conditions(db, wanted)

    def read(db: Session, last: tuple[SessionRow, Row] | None) -> Sequence[tuple[SessionRow, Row]]:
        found = sessions_after(db, limits, last[0] if last else None, _AT_ONCE)
        counts = queries.item_counts(db, [row.id for row in found])
        shown = partial(_columns, counts=counts, now=now)
        return [(row, shown(row)) for row in found]

    for _, columns in in_portions(database, read):
        yield columns


def _columns(row: SessionRow, counts: queries.ItemCounts, now: datetime) -> Row:
    kind = session_type(row.type)
    info: JsonObject = info_block(kind.info, row, counts) if kind.info else {}
    began, ended = row.started_at, row.finished_at
    return (
        row.id,
        row.type,
        kind.display_name,
        began,
        ended,
        time_span((ended or now) - began) if began else None,
        row.status,
        *(info.get(name) for name in _INFO),
    )
