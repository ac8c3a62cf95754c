"""Tag VirtualMachine: the machines that can be protected."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import Inventory, Kind, get_machine
from kyanite.areas.vm.machine_list import machines
from kyanite.areas.vm.machine_wire import machine_wire
from kyanite.base.errors import NotFound
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.virtual_machine import (
    GetVirtualMachineByIdQuery,
    GetVirtualMachinePageQuery,
    RescanVirtualMachinePageQuery,
    VirtualMachineOptions,
)
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.pages import page_of_all
from kyanite.http.provide import Provided
from kyanite.http.rights import Right
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()
ScansInventory = Annotated[Inventory, Provided(Inventory)]
RunsOperations = Annotated[Operations, Provided(Operations)]
# What a list of machines shows comes from these.
_KINDS: Final = (Kind.REGION, Kind.RESOURCE_GROUP, Kind.MACHINE)


@routes.operation("VirtualMachine_GetVirtualMachinePage", Right.RESOURCES)
def list_machines(
    query: Annotated[GetVirtualMachinePageQuery, Query()], request: Request, db: DbSession
) -> JsonObject:
    """From the cached inventory."""
    return _page(db, request, query, query)


@routes.operation("VirtualMachine_RescanVirtualMachinePage", Right.RESOURCES)
def rescan(
    query: Annotated[RescanVirtualMachinePageQuery, Query()],
    request: Request,
    principal: SignedIn,
    inventory: ScansInventory,
    operations: RunsOperations,
    body: VirtualMachineOptions | None = None,
) -> Answered:
    """Look in Azure again; the operation's result is the list as it is then."""
    wanted = body or VirtualMachineOptions()
    subscription_id = str(wanted.subscription_id) if wanted.subscription_id else None

    def work(db: Session) -> JsonObject:
        _rescan(inventory, wanted.service_account_id, subscription_id)
        return _page(db, request, query, wanted)

    return operations.answer(request, principal, work, always_operation=True)


@routes.operation("VirtualMachine_GetVirtualMachineById", Right.RESOURCES)
def get_one(
    id: str,
    query: Annotated[GetVirtualMachineByIdQuery, Query()],
    request: Request,
    db: DbSession,
    principal: SignedIn,
    inventory: ScansInventory,
    operations: RunsOperations,
) -> JsonObject | Answered:
    """From the cached inventory, or after a rescan of its subscription."""
    machine = get_machine(db, id)
    if not query.sync:
        return machine_wire(request, machine)

    def work(db: Session) -> JsonObject:
        _rescan(inventory, None, machine.subscription_id)
        return machine_wire(request, get_machine(db, id))

    return operations.answer(request, principal, work)


def _rescan(inventory: Inventory, account_id: str | None, subscription_id: str | None) -> None:
    """An unknown account sees nothing, so there is nothing to look at."""
    try:
        inventory.rescan(account_id, kinds=_KINDS, subscription_id=subscription_id)
    except NotFound:
        return


def _page(
    db: Session,
    request: Request,
    paging: GetVirtualMachinePageQuery | RescanVirtualMachinePageQuery,
    wanted: GetVirtualMachinePageQuery | VirtualMachineOptions,
) -> JsonObject:
    found = machines(db, wanted)
    return page_of_all(request, paging, [machine_wire(request, machine) for machine in found])
