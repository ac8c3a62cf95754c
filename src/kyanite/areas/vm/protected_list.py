"""Protected machines: those with at least one restore point that is offered.

Rules: docs/behaviour/virtual-machines.md, section 12.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import (
    find_region,
    find_resource_group,
    find_subscription,
    region_wire,
    resource_group_wire,
    subscription_wire,
)
from kyanite.areas.vm.points import NO_FLAGS, SNAPSHOT
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject
from kyanite.http.answers import wire_time
from kyanite.http.links import self_link

NOTHING_RETRIEVED = "None"


def is_offered() -> ColumnElement[bool]:
    """Restore points that people see: not the snapshots kept only for the next backup."""
    hidden = and_(RestorePointRow.destination == SNAPSHOT, RestorePointRow.flags == NO_FLAGS)
    return not_(hidden)


def protected_machines(
    db: Session, text: str | None = None
) -> list[tuple[ProtectedMachineRow, datetime]]:
    """Machines and the time of their newest point, by name, then id."""
    statement = (
        select(ProtectedMachineRow, func.max(RestorePointRow.point_in_time))
        .join(RestorePointRow, RestorePointRow.machine_id == ProtectedMachineRow.id)
        .where(is_offered())
        .group_by(ProtectedMachineRow.id)
        .order_by(func.lower(ProtectedMachineRow.name), ProtectedMachineRow.id)
    )
    if text:
        statement = statement.where(
            func.lower(ProtectedMachineRow.name).contains(text.lower(), autoescape=True)
        )
    return [(row, newest) for row, newest in db.execute(statement)]


def get_protected_machine(db: Session, machine_id: str) -> ProtectedMachineRow:
    """One machine that has points of any kind, by its system id or ARM id. Raises NotFound."""
    key = system_id(machine_id) if machine_id.startswith("/") else machine_id.lower()
    row = db.get(ProtectedMachineRow, key)
    if row is None:
        raise NotFound(f"There is no protected virtual machine {machine_id}.")
    return row


def newest_point(db: Session, machine_id: str) -> datetime | None:
    """The time of the newest point that is offered."""
    return db.scalar(
        select(func.max(RestorePointRow.point_in_time)).where(
            RestorePointRow.machine_id == machine_id, is_offered()
        )
    )


def count_points(db: Session, machine_id: str, *destinations: str, tier: str | None = None) -> int:
    """How many points a machine has there; `tier`: `Archive`, `NonArchive`, else any."""
    statement = (
        select(func.count())
        .select_from(RestorePointRow)
        .where(
            RestorePointRow.machine_id == machine_id,
            RestorePointRow.destination.in_(destinations),
        )
    )
    if tier == "Archive":
        statement = statement.where(RestorePointRow.access_tier == "Archive")
    elif tier == "NonArchive":
        statement = statement.where(
            or_(RestorePointRow.access_tier.is_(None), RestorePointRow.access_tier != "Archive")
        )
    return db.scalar(statement) or 0


def protected_wire(
    db: Session, request: Request, row: ProtectedMachineRow, newest: datetime | None
) -> JsonObject:
    """`ProtectedVirtualMachine`; what Azure does not have any more is shown by its id."""
    subscription = find_subscription(db, row.subscription_id)
    group_id = system_id(
        f"/subscriptions/{row.subscription_id}/resourceGroups/{row.resource_group}"
    )
    group, region = find_resource_group(db, group_id), find_region(db, row.region)
    return {
        "id": row.id,
        "azureId": row.azure_id,
        "name": row.name,
        "azureEnvironment": subscription.environment if subscription else "Global",
        "osType": row.os_type,
        "regionName": row.region,
        "totalSizeInGB": row.total_size_gib,
        "vmSize": row.vm_size,
        "availabilityZone": row.zone,
        "isController": False,
        "lastBackup": wire_time(newest) if newest else None,
        "subscription": subscription_wire(request, subscription)
        if subscription
        else {"id": row.subscription_id, "tenantId": row.tenant_id},
        "region": region_wire(region)
        if region
        else {"id": row.region, "name": row.region, "resourceId": None},
        "resourceGroup": resource_group_wire(request, group)
        if group
        else {
            "id": group_id,
            "name": row.resource_group,
            "subscriptionId": row.subscription_id,
            "tenantId": row.tenant_id,
        },
        "_links": self_link(request, f"/protectedItem/virtualMachines/{row.id}"),
    }
