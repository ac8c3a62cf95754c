"""AvailabilitySet and AvailabilityZone: docs/behaviour/appliance.md, section 11."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.plain_queries import resources
from kyanite.areas.inventory.queries import region_offers
from kyanite.areas.inventory.sizes import MachineSizes, places
from kyanite.areas.inventory.values import ResourceFilter
from kyanite.base.azure_names import region_code
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject, as_texts
from kyanite.contract.models.availability_set import GetAvailabilitySetsQuery
from kyanite.contract.models.availability_zone import GetAvailabilityZonesQuery
from kyanite.http.pages import Paging, found, page, page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.AVAILABILITY_SET, Kind.REGION))

Sizes = Annotated[MachineSizes, Provided(MachineSizes)]


@routes.operation("AvailabilitySet_GetAvailabilitySets")
def list_availability_sets(
    query: Annotated[GetAvailabilitySetsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    """The availability sets of the inventory."""
    wanted = ResourceFilter(
        account_id=query.service_account_id,
        subscription_id=id_text(query.subscription_id),
        regions=(query.region,) if query.region else (),
        resource_group=query.resource_group_name,
    )
    rows = found(db, resources(Kind.AVAILABILITY_SET, wanted), Paging.of(query))
    return page(request, query, rows.total, [plain_wire.availability_set(row) for row in rows.rows])


@routes.operation("AvailabilityZone_GetAvailabilityZones")
def list_availability_zones(
    query: Annotated[GetAvailabilityZonesQuery, Query()],
    db: DbSession,
    sizes: Sizes,
    request: Request,
) -> JsonObject:
    """The zones of regions; with a size only those that offer it."""
    zones = _all(db, query) if query.vm_size_name is None else _offering(db, query, sizes)
    results = [plain_wire.availability_zone(request, *zone) for zone in sorted(zones)]
    return page_of_all(request, query, results)


def _all(db: Session, query: GetAvailabilityZonesQuery) -> list[tuple[str, str, str]]:
    looked_at = places(
        db,
        region=query.region_id,
        account_id=query.service_account_id,
        subscription_id=id_text(query.subscription_id),
    )
    wanted = {(place.subscription_id, place.region) for place in looked_at}
    return [
        (offer.subscription_id, offer.name, zone)
        for offer in region_offers(db, account_id=query.service_account_id)
        if (offer.subscription_id, offer.name) in wanted
        for zone in as_texts(offer.zones)
    ]


def _offering(
    db: Session, query: GetAvailabilityZonesQuery, sizes: MachineSizes
) -> list[tuple[str, str, str]]:
    looked_at = places(
        db,
        region=region_code(query.region_id) if query.region_id else None,
        account_id=query.service_account_id,
        subscription_id=id_text(query.subscription_id),
    )
    name = (query.vm_size_name or "").lower()
    return [
        (place.subscription_id, place.region, zone)
        for place, offered in sizes.at(looked_at)
        for size in offered
        if size.name.lower() == name
        for zone in size.zones
    ]
