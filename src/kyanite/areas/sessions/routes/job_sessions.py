"""JobSessions: docs/behaviour/sessions.md. The lists of details are in `session_items.py`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from kyanite.areas.sessions import exporting, listing, queries, sessions, wire
from kyanite.areas.sessions.filters import SessionFilter
from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.job_sessions import (
    GetJobSessionByIdQuery,
    GetJobSessionLogQuery,
    GetJobSessionsQuery,
    JobSessionExportOptions,
)
from kyanite.db.database import Database
from kyanite.http.exports import export_file
from kyanite.http.pages import Paging, page
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes()


@routes.operation("JobSessions_GetJobSessions")
def list_sessions(
    query: Annotated[GetJobSessionsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    wanted = SessionFilter(
        policy_id=id_text(query.policy_id),
        text=query.filter,
        statuses=[status.value for status in query.status or ()],
        types=[kind.value for kind in query.types or ()],
        since=query.from_utc,
        until=query.to_utc,
        resource_id=query.resource_id,
    )
    found = listing.list_sessions(db, wanted, Paging.of(query))
    counts = queries.item_counts(db, [row.id for row in found.rows])
    now = SystemClock().now()
    results = [wire.session(request, row, counts, now) for row in found.rows]
    return page(request, query, found.total, results)


@routes.operation("JobSessions_GetJobSessionById")
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


@routes.operation("JobSessions_GetJobSessionLog")
def get_log(
    sessionId: str,  # noqa: N803
    query: Annotated[GetJobSessionLogQuery, Query()],
    db: DbSession,
) -> JsonObject:
    row = sessions.get_session(db, sessionId)
    return wire.log(row.id, queries.log_lines(db, row.id, query.instance_id), SystemClock().now())


@routes.operation("JobSessions_StopJob")
def stop_session(sessionId: str, db: DbSession) -> None:  # noqa: N803
    sessions.stop(db, sessionId)


@routes.operation("JobSessions_ExportBackupJobs")
def export_sessions(
    request: Request,
    database: Annotated[Database, Provided(Database)],
    clock: Annotated[Clock, Provided(Clock)],
    body: JobSessionExportOptions | None = None,
) -> Response:
    wanted = exporting.filter_of(body or JobSessionExportOptions())
    rows = exporting.rows(database, wanted, clock.now())
    return export_file(request, "jobSessions", exporting.COLUMNS, rows)
