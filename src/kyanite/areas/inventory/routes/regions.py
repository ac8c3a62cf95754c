"""Region: docs/behaviour/appliance.md, section 11."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import queries, wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.region import GetRegionsPageQuery
from kyanite.http.answers import Answered
from kyanite.http.pages import page_of_all
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.REGION))


@routes.operation("Region_GetRegionsPage")
def list_regions(
    query: Annotated[GetRegionsPageQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    account_id = id_text(query.service_account_id)
    subscription_id = id_text(query.subscription_id)

    def answer(session: Session) -> JsonObject:
        found = queries.list_regions(
            session,
            account_id=account_id,
            subscription_id=subscription_id,
            tenant_id=id_text(query.tenant_id),
            text=query.search_pattern,
            provider_types=[kind.value for kind in query.resource_provider_types or ()],
        )
        return page_of_all(request, query, [wire.region(item) for item in found])

    return rescan.if_asked(
        query.sync,
        db,
        answer,
        account_id=account_id,
        kinds={Kind.REGION},
        subscription_id=subscription_id,
    )


@routes.operation("Region_GetRegionById")
def get_region(regionId: str, db: DbSession) -> JsonObject:  # noqa: N803
    found = queries.find_region(db, regionId)
    if found is None:
        raise NotFound(f"There is no region {regionId}.")
    return wire.region(found)
