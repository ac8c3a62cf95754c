"""Tenant: docs/behaviour/appliance.md, section 11."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import plain_queries, plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.base.errors import NotFound
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.tenant import GetTenantsQuery, GetTenantsWithAccountQuery
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.pages import page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.SUBSCRIPTION))


@routes.operation("Tenant_GetTenants")
def list_tenants(
    query: Annotated[GetTenantsQuery, Query()],
    principal: SignedIn,
    operations: Annotated[Operations, Provided(Operations)],
    request: Request,
) -> Answered:
    """Always an operation, although it is quick: the contract declares nothing else."""

    def answer(session: Session) -> JsonObject:
        found = plain_queries.list_tenants(session, query.search_pattern)
        return page_of_all(request, query, [plain_wire.tenant(request, item) for item in found])

    return operations.answer(request, principal, answer, always_operation=True)


@routes.operation("Tenant_GetTenantsWithAccount")
def list_tenants_with_account(
    query: Annotated[GetTenantsWithAccountQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """Which account reaches which tenant."""

    def answer(session: Session) -> JsonObject:
        found = plain_queries.list_tenants_with_account(session, query.search_pattern)
        rows = [plain_wire.tenant_with_account(request, item) for item in found]
        return page_of_all(request, query, rows)

    return rescan.if_asked(query.sync, db, answer, kinds=())


@routes.operation("Tenant_GetTenant")
def get_tenant(
    tenantId: UUID,  # noqa: N803
    db: DbSession,
    request: Request,
) -> JsonObject:
    """One tenant."""
    wanted = str(tenantId)
    for item in plain_queries.list_tenants(db):
        if item.id == wanted:
            return plain_wire.tenant(request, item)
    raise NotFound(f"There is no tenant {wanted}.")
