"""JobSessions: docs/behaviour/sessions.md."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request

from kyanite.areas.sessions import queries, sessions, wire
from kyanite.base.clock import SystemClock
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.job_sessions import (
    GetDeletedItemsQuery,
    GetJobSessionByIdQuery,
    GetJobSessionLogQuery,
    GetJobSessionsQuery,
    GetProtectedItemsQuery,
    GetRestoredItemsQuery,
)
from kyanite.http.pages import Paging, page
from kyanite.http.rights import Right
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.session_types import Details

routes = Routes()


@routes.operation("JobSessions_GetJobSessions", Right.SESSIONS_READ)
def list_sessions(
    query: Annotated[GetJobSessionsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    wanted = queries.SessionFilter(
        policy_id=id_text(query.policy_id),
        text=query.filter,
        statuses=[status.value for status in query.status or ()],
        types=[kind.value for kind in query.types or ()],
        since=query.from_utc,
        until=query.to_utc,
        resource_id=query.resource_id,
    )
    found = queries.list_sessions(db, wanted, Paging.of(query))
    counts = queries.item_counts(db, [row.id for row in found.rows])
    now = SystemClock().now()
    results = [wire.session(request, row, counts, now) for row in found.rows]
    return page(request, query, found.total, results)


@routes.operation("JobSessions_GetJobSessionById", Right.SESSIONS_READ)
def get_session(
    sessionId: str,  # noqa: N803
    query: Annotated[GetJobSessionByIdQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    if query.instance_id is None:
        return sessions.session_wire(db, request, sessionId)
    row = sessions.get_session(db, sessionId)
    runs = queries.runs_of_resource(db, sessionId, query.instance_id)
    if runs is None:
        raise NotFound(f"Session {sessionId} does not process resource {query.instance_id}.")
    counts = queries.item_counts(db, [sessionId])
    return wire.session_of_resource(request, row, runs, counts, SystemClock().now())


@routes.operation("JobSessions_GetJobSessionLog", Right.SESSIONS_READ)
def get_log(
    sessionId: str,  # noqa: N803
    query: Annotated[GetJobSessionLogQuery, Query()],
    db: DbSession,
) -> JsonObject:
    row = sessions.get_session(db, sessionId)
    return wire.log(row.id, queries.log_lines(db, row.id, query.instance_id), SystemClock().now())


@routes.operation("JobSessions_StopJob", Right.SESSIONS_STOP)
def stop_session(sessionId: str, db: DbSession) -> None:  # noqa: N803
    sessions.stop(db, sessionId)


@routes.operation("JobSessions_GetProtectedItems", Right.SESSIONS_READ)
def list_protected_items(
    backupJobSessionId: str,  # noqa: N803
    query: Annotated[GetProtectedItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    row = sessions.session_with(db, backupJobSessionId, Details.PROTECTED)
    found = queries.list_items(db, row.id, "protected", query.name_search_pattern, Paging.of(query))
    runs = queries.runs_of(db, [item.id for item in found.rows])
    now = SystemClock().now()
    results = [wire.protected_item(item, runs[item.id], now) for item in found.rows]
    return page(request, query, found.total, results)


@routes.operation("JobSessions_GetRestoredItems", Right.SESSIONS_READ)
def list_restored_items(
    restoreJobSessionId: str,  # noqa: N803
    query: Annotated[GetRestoredItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    row = sessions.session_with(db, restoreJobSessionId, Details.RESTORED)
    found = queries.list_items(db, row.id, "restored", query.name_search_pattern, Paging.of(query))
    return page(request, query, found.total, [wire.restored_item(item) for item in found.rows])


@routes.operation("JobSessions_GetDeletedItems", Right.SESSIONS_READ)
def list_deleted_items(
    retentionJobSessionId: str,  # noqa: N803
    query: Annotated[GetDeletedItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    row = sessions.session_with(db, retentionJobSessionId, Details.DELETED)
    found = queries.list_items(db, row.id, "deleted", query.name_search_pattern, Paging.of(query))
    return page(request, query, found.total, [wire.deleted_item(item) for item in found.rows])
