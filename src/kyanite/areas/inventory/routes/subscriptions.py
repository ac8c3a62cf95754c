"""Subscription: docs/behaviour/appliance.md, section 11."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from kyanite.areas.inventory import queries, wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.base.errors import Invalid
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.subscription import GetSubscriptionsQuery
from kyanite.http.pages import page_of_all
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.SUBSCRIPTION))


@routes.operation("Subscription_GetSubscriptions")
def list_subscriptions(
    query: Annotated[GetSubscriptionsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    found = queries.list_subscriptions(
        db,
        account_id=query.account_id,
        tenant_id=id_text(query.tenant_id),
        text=query.search_pattern,
        ids=query.only_ids or (),
    )
    return page_of_all(request, query, [wire.subscription(request, item) for item in found])


@routes.operation("Subscription_GetSubscription")
def get_subscription(
    subscriptionId: UUID,  # noqa: N803
    db: DbSession,
    request: Request,
) -> JsonObject:
    found = queries.find_subscription(db, str(subscriptionId))
    if found is None:  # the contract declares no 404 here
        raise Invalid.member("subscriptionId", f"There is no subscription {subscriptionId}.")
    return wire.subscription(request, found)
