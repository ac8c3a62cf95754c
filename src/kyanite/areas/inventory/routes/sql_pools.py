"""SqlElasticPool: docs/behaviour/azure-sql.md, section 3."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.plain_queries import get_resource, resources
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.areas.inventory.routes.resource_pages import resource_page
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.sql_elastic_pool import (
    GetSqlElasticPoolByIdQuery,
    GetSqlServersPageQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.SQL_POOL))


@routes.operation("SqlElasticPool_GetSqlServersPage")
def list_pools(
    query: Annotated[GetSqlServersPageQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """The elastic pools of the inventory (the contract's name of it speaks of servers)."""

    def answer(session: Session) -> JsonObject:
        return resource_page(session, request, query, resources(Kind.SQL_POOL), plain_wire.sql_pool)

    return rescan.if_asked(query.sync, db, answer, kinds={Kind.SQL_POOL})


@routes.operation("SqlElasticPool_GetSqlElasticPoolById")
def get_pool(
    sqlElasticPoolId: str,  # noqa: N803
    query: Annotated[GetSqlElasticPoolByIdQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """One elastic pool."""

    def answer(session: Session) -> JsonObject:
        row = get_resource(session, Kind.SQL_POOL, sqlElasticPoolId)
        return plain_wire.sql_pool(request, row)

    return rescan.if_asked(query.sync, db, answer, kinds={Kind.SQL_POOL})
