"""NetworkSecurityGroup: docs/behaviour/appliance.md, section 11."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request

from kyanite.areas.inventory import plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.plain_queries import resources
from kyanite.areas.inventory.values import ResourceFilter
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.network_security_group import GetNetworkSecurityGroupsQuery
from kyanite.http.pages import Paging, found, page
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.SECURITY_GROUP))


@routes.operation("NetworkSecurityGroup_GetNetworkSecurityGroups")
def list_security_groups(
    query: Annotated[GetNetworkSecurityGroupsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    """The security groups of the inventory."""
    wanted = ResourceFilter(
        account_id=query.service_account_id,
        subscription_id=query.subscription_id,
        regions=(query.region_id,) if query.region_id else (),
    )
    rows = found(db, resources(Kind.SECURITY_GROUP, wanted), Paging.of(query))
    return page(request, query, rows.total, [plain_wire.security_group(row) for row in rows.rows])
