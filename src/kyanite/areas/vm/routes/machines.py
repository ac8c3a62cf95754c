"""Tag VirtualMachine: the machines that can be protected."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import MayRescan, as_of, get_machine
from kyanite.areas.vm.machine_list import MACHINE_KINDS, machines
from kyanite.areas.vm.machine_wire import machine_wire
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.virtual_machine import (
    GetVirtualMachineByIdQuery,
    GetVirtualMachinePageQuery,
    RescanVirtualMachinePageQuery,
    VirtualMachineOptions,
)
from kyanite.http.answers import Answered
from kyanite.http.pages import Paging, page
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(*MACHINE_KINDS))


@routes.operation("VirtualMachine_GetVirtualMachinePage")
def list_machines(
    query: Annotated[GetVirtualMachinePageQuery, Query()], request: Request, db: DbSession
) -> JsonObject:
    """From the cached inventory."""
    return _page(db, request, query, query)


@routes.operation("VirtualMachine_RescanVirtualMachinePage")
def rescan_machines(
    query: Annotated[RescanVirtualMachinePageQuery, Query()],
    request: Request,
    rescan: MayRescan,
    body: VirtualMachineOptions | None = None,
) -> Answered:
    """Look in Azure again; the operation's result is the list as it is then."""
    wanted = body or VirtualMachineOptions()
    return rescan.then(
        lambda db: _page(db, request, query, wanted),
        kinds=MACHINE_KINDS,
        account_id=wanted.service_account_id,
        subscription_id=id_text(wanted.subscription_id),
        always_operation=True,
    )


@routes.operation("VirtualMachine_GetVirtualMachineById")
def get_one(
    id: str,
    query: Annotated[GetVirtualMachineByIdQuery, Query()],
    request: Request,
    db: DbSession,
    rescan: MayRescan,
) -> JsonObject | Answered:
    """From the cached inventory, or after a rescan of its subscription."""
    machine = get_machine(db, id)
    if not query.sync:
        return machine_wire(request, machine)
    return rescan.then(
        lambda db: machine_wire(request, get_machine(db, id)),
        kinds=MACHINE_KINDS,
        subscription_id=machine.subscription_id,
    )


def _page(
    db: Session,
    request: Request,
    paging: GetVirtualMachinePageQuery | RescanVirtualMachinePageQuery,
    wanted: GetVirtualMachinePageQuery | VirtualMachineOptions,
) -> JsonObject:
    found = machines(db, wanted, Paging.of(paging))
    return page(request, paging, found.total, [machine_wire(request, one) for one in found.rows])
