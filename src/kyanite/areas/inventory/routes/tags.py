"""Tag: docs/behaviour/appliance.md, section 11."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import plain_queries, plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.areas.inventory.scan import EVERY_RESOURCE
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.tag import GetTagsPageQuery
from kyanite.http.answers import Answered
from kyanite.http.pages import Paging, page
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(*EVERY_RESOURCE))


@routes.operation("Tag_GetTagsPage")
def list_tags(
    query: Annotated[GetTagsPageQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """The tags on everything that the inventory knows."""

    def answer(session: Session) -> JsonObject:
        found = plain_queries.list_tags(
            session,
            Paging.of(query),
            account_id=query.service_account_id,
            tenant_id=id_text(query.tenant_id),
            text=query.search_pattern,
        )
        return page(request, query, found.total, [plain_wire.tag(tag) for tag in found.rows])

    return rescan.if_asked(
        query.sync, db, answer, account_id=query.service_account_id, kinds=EVERY_RESOURCE
    )
