"""JobSessions, the lists of details: docs/behaviour/sessions.md, section 7."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.sessions import item_wire, queries, sessions
from kyanite.base.clock import SystemClock
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.job_sessions import (
    GetCheckedItemsQuery,
    GetDeletedItemsQuery,
    GetFileLevelRestoredFileShareItemsQuery,
    GetFileLevelRestoredItemsQuery,
    GetProtectedItemsQuery,
    GetRestoredItemsQuery,
    GetVnetRestoredItemsQuery,
)
from kyanite.http.pages import PageQuery, Paging, complete_page, page
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.session_types import Details

routes = Routes()


class _ItemsQuery(PageQuery, Protocol):
    """What all lists of details can be asked for."""

    @property
    def name_search_pattern(self) -> str | None: ...


@routes.operation("JobSessions_GetProtectedItems")
def list_protected_items(
    backupJobSessionId: str,  # noqa: N803
    query: Annotated[GetProtectedItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    row = sessions.session_with(db, backupJobSessionId, Details.PROTECTED)
    kind = item_wire.KINDS[Details.PROTECTED]
    found = queries.list_items(db, row.id, kind, query.name_search_pattern, Paging.of(query))
    runs = queries.runs_of(db, [item.id for item in found.rows])
    now = SystemClock().now()
    results = [item_wire.protected_item(item, runs[item.id], now) for item in found.rows]
    return page(request, query, found.total, results)


@routes.operation("JobSessions_GetDeletedItems")
def list_deleted_items(
    retentionJobSessionId: str,  # noqa: N803
    query: Annotated[GetDeletedItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _page(request, query, db, retentionJobSessionId, Details.DELETED)


@routes.operation("JobSessions_GetCheckedItems")
def list_checked_items(
    healthCheckJobSessionId: str,  # noqa: N803
    query: Annotated[GetCheckedItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _page(request, query, db, healthCheckJobSessionId, Details.CHECKED)


@routes.operation("JobSessions_GetRestoredItems")
def list_restored_items(
    restoreJobSessionId: str,  # noqa: N803
    query: Annotated[GetRestoredItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _page(request, query, db, restoreJobSessionId, Details.RESTORED)


@routes.operation("JobSessions_GetFileLevelRestoredItems")
def list_restored_file_items(
    restoreJobSessionId: str,  # noqa: N803
    query: Annotated[GetFileLevelRestoredItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _page(request, query, db, restoreJobSessionId, Details.RESTORED_FILES)


@routes.operation("JobSessions_GetFileLevelRestoredFileShareItems")
def list_restored_share_file_items(
    restoreJobSessionId: str,  # noqa: N803
    query: Annotated[GetFileLevelRestoredFileShareItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _page(request, query, db, restoreJobSessionId, Details.RESTORED_SHARE_FILES)


@routes.operation("JobSessions_GetVnetRestoredItems")
def list_restored_network_items(
    restoreJobSessionId: str,  # noqa: N803
    query: Annotated[GetVnetRestoredItemsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _page(request, query, db, restoreJobSessionId, Details.RESTORED_NETWORKS)


@routes.operation("JobSessions_GetRestoredDatabases")
def list_restored_databases(
    restoreJobSessionId: str,  # noqa: N803
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _everything(request, db, restoreJobSessionId, Details.RESTORED_DATABASES)


@routes.operation("JobSessions_GetRestoredCosmosDbAccounts")
def list_restored_accounts(
    restoreJobSessionId: str,  # noqa: N803
    db: DbSession,
    request: Request,
) -> JsonObject:
    return _everything(request, db, restoreJobSessionId, Details.RESTORED_ACCOUNTS)


def _page(
    request: Request, query: _ItemsQuery, db: Session, session_id: str, details: Details
) -> JsonObject:
    row = sessions.session_with(db, session_id, details)
    kind, pattern = item_wire.KINDS[details], query.name_search_pattern
    found = queries.list_items(db, row.id, kind, pattern, Paging.of(query))
    return page(request, query, found.total, list(map(item_wire.plain_item(details), found.rows)))


def _everything(request: Request, db: Session, session_id: str, details: Details) -> JsonObject:
    row = sessions.session_with(db, session_id, details)
    found = queries.list_items(db, row.id, item_wire.KINDS[details], None, Paging(limit=-1))
    return complete_page(request, list(map(item_wire.plain_item(details), found.rows)))
