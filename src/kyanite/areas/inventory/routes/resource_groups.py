"""ResourceGroup: docs/behaviour/appliance.md, section 11."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import queries, wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.base.errors import Invalid
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.resource_group import (
    GetResourceGroupByIdQuery,
    GetResourceGroupsQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.pages import page_of_all
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.RESOURCE_GROUP))


@routes.operation("ResourceGroup_GetResourceGroups")
def list_resource_groups(
    query: Annotated[GetResourceGroupsQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    subscription_id = id_text(query.subscription_id)

    def answer(session: Session) -> JsonObject:
        found = queries.list_resource_groups(
            session,
            account_id=query.service_account_id,
            subscription_id=subscription_id,
            tenant_id=id_text(query.tenant_id),
            regions=query.region_ids or (),
            text=query.search_pattern,
        )
        return page_of_all(request, query, [wire.resource_group(request, item) for item in found])

    return rescan.if_asked(
        query.sync,
        db,
        answer,
        account_id=query.service_account_id,
        kinds={Kind.RESOURCE_GROUP},
        subscription_id=subscription_id,
    )


@routes.operation("ResourceGroup_GetResourceGroupById")
def get_resource_group(
    resourceGroupId: str,  # noqa: N803
    query: Annotated[GetResourceGroupByIdQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    def answer(session: Session) -> JsonObject:
        found = queries.find_resource_group(session, resourceGroupId)
        if found is None:  # the contract declares no 404 here
            raise Invalid.member(
                "resourceGroupId", f"There is no resource group {resourceGroupId}."
            )
        return wire.resource_group(request, found)

    return rescan.if_asked(
        query.sync,
        db,
        answer,
        kinds={Kind.RESOURCE_GROUP},
    )
