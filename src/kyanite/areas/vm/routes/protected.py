"""Tag ProtectedVirtualMachine: machines with restore points."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import MayRescan
from kyanite.areas.sessions import session_wire
from kyanite.areas.vm import deletions
from kyanite.areas.vm.machine_list import MACHINE_KINDS
from kyanite.areas.vm.protected_list import (
    NOTHING_RETRIEVED,
    get_protected_machine,
    newest_point,
    protected_machines,
    protected_wire,
)
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.protected_virtual_machine import (
    DeleteVirtualMachineBackupsQuery,
    GetProtectedItemByIdQuery,
    GetProtectedItemPageQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.pages import Paging, page
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()
_EVERY_TIER: Final = "All"
NOTHING_TO_DELETE: Final = Answered(204)


@routes.operation("ProtectedVirtualMachine_GetProtectedItemPage")
def list_protected(
    query: Annotated[GetProtectedItemPageQuery, Query()],
    request: Request,
    db: DbSession,
    rescan: MayRescan,
) -> JsonObject | Answered:
    """From what is known, or after a rescan."""
    if not query.sync:
        return _page(db, request, query)
    return rescan.then(lambda db: _page(db, request, query), kinds=MACHINE_KINDS)


@routes.operation("ProtectedVirtualMachine_GetProtectedItemById")
def get_protected(
    id: str,
    query: Annotated[GetProtectedItemByIdQuery, Query()],
    request: Request,
    db: DbSession,
    rescan: MayRescan,
) -> JsonObject | Answered:
    """One machine."""
    machine = get_protected_machine(db, id)
    if not query.sync:
        return protected_wire(db, request, machine, newest_point(db, machine.id))

    def answer(db: Session) -> JsonObject:
        found = get_protected_machine(db, id)
        return protected_wire(db, request, found, newest_point(db, found.id))

    return rescan.then(answer, kinds=MACHINE_KINDS, subscription_id=machine.subscription_id)


@routes.operation("ProtectedVirtualMachine_DeleteVirtualMachineBackups")
def delete_backups(
    id: str,
    query: Annotated[DeleteVirtualMachineBackupsQuery, Query()],
    request: Request,
    db: DbSession,
    principal: SignedIn,
) -> JsonObject | Answered:
    """All backups, or those of one tier."""
    tier = query.backup_tier.value if query.backup_tier else _EVERY_TIER
    started = deletions.delete_backups(db, id, tier, principal.username)
    return session_wire(db, request, started) if started else NOTHING_TO_DELETE


@routes.operation("ProtectedVirtualMachine_DeleteVirtualMachineSnapshots")
def delete_snapshots(
    id: str, request: Request, db: DbSession, principal: SignedIn
) -> JsonObject | Answered:
    """All snapshots that policies made."""
    started = deletions.delete_snapshots(db, id, principal.username)
    return session_wire(db, request, started) if started else NOTHING_TO_DELETE


def _page(db: Session, request: Request, query: GetProtectedItemPageQuery) -> JsonObject:
    statuses = {status.value for status in query.data_retrieval_statuses or ()}
    # This version neither recovers files nor retrieves archived data.
    nobody = query.flr_session or (statuses and NOTHING_RETRIEVED not in statuses)
    found = [] if nobody else protected_machines(db, query.search_pattern)
    shown = Paging.of(query).cut(found)
    wires = [protected_wire(db, request, row, newest) for row, newest in shown]
    return page(request, query, len(found), wires)
