"""Tag VirtualMachineRestorePoint: points in time, and restoring from them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from kyanite.areas.sessions import session_wire
from kyanite.areas.vm import deletions, points, restores, saved_configuration
from kyanite.areas.vm.point_list import configurations, point_wires, restore_points
from kyanite.base.clock import Clock
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.virtual_machine_restore_point import (
    DiskBulkRestoreOptions,
    GetDiskSnapshotsQuery,
    GetRestorePointPageQuery,
    GetVirtualMachineSnapshotsQuery,
    VirtualMachineRestoreOptions,
)
from kyanite.http.pages import page, page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()


@routes.operation("VirtualMachineRestorePoint_GetRestorePointPage")
def list_points(
    query: Annotated[GetRestorePointPageQuery, Query()], request: Request, db: DbSession
) -> JsonObject:
    """Newest first."""
    found = restore_points(db, query)
    return page(request, query, found.total, point_wires(db, request, found.rows))


@routes.operation("VirtualMachineRestorePoint_GetRestorePointById")
def get_point(restorePointId: UUID, request: Request, db: DbSession) -> JsonObject:  # noqa: N803
    """One point."""
    return point_wires(db, request, [points.get_point(db, str(restorePointId))])[0]


@routes.operation("VirtualMachineRestorePoint_DeleteRestorePoint")
def delete_point(
    restorePointId: UUID,  # noqa: N803
    request: Request,
    db: DbSession,
    clock: Annotated[Clock, Provided(Clock)],
    principal: SignedIn,
) -> JsonObject:
    """Any point may go that is not locked: none needs another one."""
    started = deletions.delete_point(db, str(restorePointId), principal.username, clock.now())
    return session_wire(db, request, started)


@routes.operation("VirtualMachineRestorePoint_RestoreVm")
def restore_machine(
    restorePointId: UUID,  # noqa: N803
    body: VirtualMachineRestoreOptions,
    request: Request,
    db: DbSession,
    principal: SignedIn,
) -> JsonObject:
    """The whole machine, to its old place or to a new one."""
    started = restores.restore_machine(db, str(restorePointId), body, principal.username)
    return session_wire(db, request, started)


@routes.operation("VirtualMachineRestorePoint_RestoreDisk")
def restore_disks(
    restorePointId: UUID,  # noqa: N803
    body: DiskBulkRestoreOptions,
    request: Request,
    db: DbSession,
    principal: SignedIn,
) -> JsonObject:
    """Disks alone."""
    started = restores.restore_disks(db, str(restorePointId), body, principal.username)
    return session_wire(db, request, started)


@routes.operation("VirtualMachineRestorePoint_GetDiskSnapshots")
def list_disks(
    query: Annotated[GetDiskSnapshotsQuery, Query()], request: Request, db: DbSession
) -> JsonObject:
    """The disks that points hold."""
    point_id = id_text(query.restore_point_id)
    wires = [
        wire
        for point in configurations(db, point_id, query.virtual_machine_id)
        for wire in saved_configuration.disk_wires(db, request, point)
    ]
    return page_of_all(request, query, wires)


@routes.operation("VirtualMachineRestorePoint_GetVirtualMachineSnapshots")
def list_machine_configurations(
    query: Annotated[GetVirtualMachineSnapshotsQuery, Query()], request: Request, db: DbSession
) -> JsonObject:
    """The machines that points hold, as they were."""
    point_id = id_text(query.restore_point_id)
    wires = [
        wire
        for point in configurations(db, point_id, query.virtual_machine_id)
        for wire in saved_configuration.machine_wires(db, request, point)
    ]
    return page_of_all(request, query, wires)
