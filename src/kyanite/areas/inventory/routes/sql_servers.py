"""SqlServer: docs/behaviour/azure-sql.md, sections 3 and 5.4."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.plain_queries import get_resource, sql_servers
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.areas.inventory.routes.resource_pages import resource_page
from kyanite.areas.inventory.sql_connections import SqlConnections
from kyanite.areas.inventory.values import ResourceFilter
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.shared import CredentialsStateFilterOptions
from kyanite.contract.models.sql_server import (
    GetSqlServerByIdQuery,
    GetSqlServersPageQuery,
    SqlServerTypeFilterOptions,
    TestConnectivityQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.SQL_SERVER))

_WITH_LOGIN = {
    CredentialsStateFilterOptions.ONLY_WITH_CREDENTIALS: True,
    CredentialsStateFilterOptions.ONLY_WITHOUT_CREDENTIALS: False,
}


@routes.operation("SqlServer_GetSqlServersPage")
def list_servers(
    query: Annotated[GetSqlServersPageQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """The servers and managed instances of the inventory."""
    wanted = ResourceFilter(
        account_id=query.service_account_id,
        tenant_id=id_text(query.tenant_id),
        regions=tuple(query.region_ids or ()),
        text=query.search_pattern,
    )
    types = query.server_types
    server_type = types.value if types and types is not SqlServerTypeFilterOptions.ALL else None
    state = query.credentials_state
    with_login = _WITH_LOGIN.get(state) if state is not None else None

    def answer(session: Session) -> JsonObject:
        statement = sql_servers(
            session,
            wanted,
            server_type=server_type,
            with_login=with_login,
            login_id=query.assignable_by_sql_account_id,
        )
        return resource_page(session, request, query, statement, plain_wire.sql_server)

    return rescan.if_asked(
        query.sync, db, answer, account_id=query.service_account_id, kinds={Kind.SQL_SERVER}
    )


@routes.operation("SqlServer_GetSqlServerById")
def get_server(
    sqlServerId: str,  # noqa: N803
    query: Annotated[GetSqlServerByIdQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """One server or managed instance."""

    def answer(session: Session) -> JsonObject:
        return plain_wire.sql_server(request, get_resource(session, Kind.SQL_SERVER, sqlServerId))

    return rescan.if_asked(query.sync, db, answer, kinds={Kind.SQL_SERVER})


@routes.operation("SqlServer_TestConnectivity")
def test_connectivity(
    sqlServerId: str,  # noqa: N803
    query: Annotated[TestConnectivityQuery, Query()],
    connections: Annotated[SqlConnections, Provided(SqlConnections)],
    principal: SignedIn,
    operations: Annotated[Operations, Provided(Operations)],
    request: Request,
) -> Answered:
    """Try a server out before a restore."""

    def work(session: Session) -> list[JsonObject]:
        found = connections.test(session, sqlServerId, query.sql_account_id, query.azure_account_id)
        return [{"severity": f.severity, "type": f.check, "message": f.message} for f in found]

    return operations.answer(request, principal, work)
