"""VirtualNetwork: docs/behaviour/virtual-networks.md, section 12."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.networks import NetworkWish, NewNetworks, first_free_space
from kyanite.areas.inventory.plain_queries import get_resource, resources
from kyanite.areas.inventory.routes.resource_pages import resource_page
from kyanite.areas.inventory.values import ResourceFilter
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.virtual_network import (
    GetFirstFreeAddressSpaceQuery,
    GetNetworkByIdQuery,
    GetNetworksQuery,
    VirtualNetworkFromClient,
)
from kyanite.http.answers import Answered
from kyanite.http.audit import note
from kyanite.http.operations import Operations
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.VIRTUAL_NETWORK))


@routes.operation("VirtualNetwork_GetNetworks")
def list_networks(
    query: Annotated[GetNetworksQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    """The networks of the inventory."""
    wanted = ResourceFilter(
        account_id=query.service_account_id,
        subscription_id=id_text(query.subscription_id),
        regions=(query.region_id,) if query.region_id else (),
    )
    return resource_page(
        db, request, query, resources(Kind.VIRTUAL_NETWORK, wanted), plain_wire.virtual_network
    )


@routes.operation("VirtualNetwork_GetFirstFreeAddressSpace")
def first_free(query: Annotated[GetFirstFreeAddressSpaceQuery, Query()], db: DbSession) -> str:
    """A range for a new network."""
    return first_free_space(db, query.subnet_mask, id_text(query.subscription_id))


@routes.operation("VirtualNetwork_CreateVirtualNetwork")
def create_network(
    body: VirtualNetworkFromClient,
    networks: Annotated[NewNetworks, Provided(NewNetworks)],
    principal: SignedIn,
    operations: Annotated[Operations, Provided(Operations)],
    request: Request,
) -> Answered:
    """Make a network for workers."""
    wish = NetworkWish(
        name=body.network_name,
        region=body.region,
        space=body.network_address_space,
        subnet_name=body.subnet_name,
        subnet_space=body.subnet_address_space,
    )
    planned = networks.plan(wish)
    note(request, f"virtual network {wish.name}")

    def work(session: Session) -> JsonObject:
        del session  # it reads what was there before
        row = networks.found(networks.create(planned))
        return plain_wire.virtual_network(request, row)

    return operations.answer(request, principal, work, always_operation=True)


@routes.operation("VirtualNetwork_GetNetworkById")
def get_network(
    networkId: str,  # noqa: N803
    query: Annotated[GetNetworkByIdQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    """One network, by its ARM id or its system id."""
    row = get_resource(db, Kind.VIRTUAL_NETWORK, networkId, query.account_id)
    return plain_wire.virtual_network(request, row)
