"""Every SQL statement that reads machines."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.queries import region_names, seen
from kyanite.areas.inventory.tables import MachineRow, SubscriptionRow
from kyanite.areas.inventory.values import Machine, MachineFilter
from kyanite.base.azure_names import group_id, region_code
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import as_text_map, as_texts


def machines_query(db: Session, wanted: MachineFilter = MachineFilter()) -> list[Machine]:
    """Machines by name, then id.

    Those removed from Azure are of everybody who sees their subscription.
    """
    query = _machines()
    query = query.where(
        or_(
            seen(Kind.MACHINE, MachineRow.id, wanted.account_id),
            and_(
                MachineRow.removed_at.is_not(None),
                seen(Kind.SUBSCRIPTION, MachineRow.subscription_id, wanted.account_id),
            ),
        )
    )
    if wanted.exists is not None:
        missing = MachineRow.removed_at
        query = query.where(missing.is_(None) if wanted.exists else missing.is_not(None))
    if wanted.subscription_id:
        query = query.where(MachineRow.subscription_id == wanted.subscription_id.lower())
    if wanted.tenant_id:
        query = query.where(SubscriptionRow.tenant_id == wanted.tenant_id.lower())
    if wanted.regions:
        query = query.where(MachineRow.region.in_([region_code(r) for r in wanted.regions]))
    if wanted.text:
        # Names of machines are ASCII, so SQL folds their case on every database.
        part = wanted.text.lower()
        query = query.where(func.lower(MachineRow.name).contains(part, autoescape=True))
    if wanted.ids:
        query = query.where(MachineRow.id.in_(wanted.ids))
    query = query.order_by(func.lower(MachineRow.name), MachineRow.id)
    machines = _values(db, db.execute(query))
    if wanted.resource_group_id:
        group = wanted.resource_group_id.lower()
        machines = [machine for machine in machines if machine.resource_group_id == group]
    return machines


def find_machine(db: Session, machine_id: str) -> Machine | None:
    """One machine by its system id or its ARM id, removed ones too; or ``None``."""
    key = system_id(machine_id) if machine_id.startswith("/") else machine_id.lower()
    found = machines_query(db, MachineFilter(exists=None, ids=(key,)))
    return found[0] if found else None


def get_machine(db: Session, machine_id: str) -> Machine:
    """As ``find_machine``. Raises ``NotFound``."""
    machine = find_machine(db, machine_id)
    if machine is None:
        raise NotFound(f"There is no virtual machine {machine_id} in the inventory.")
    return machine


def _machines() -> Select[MachineRow, SubscriptionRow]:
    return select(MachineRow, SubscriptionRow).join(
        SubscriptionRow, SubscriptionRow.id == MachineRow.subscription_id
    )


def _values(db: Session, rows: Iterable[Row[MachineRow, SubscriptionRow]]) -> list[Machine]:
    found = list(rows)
    names = region_names(db, {row.region for row, _ in found})
    return [_value(row, subscription, names) for row, subscription in found]


def _value(row: MachineRow, subscription: SubscriptionRow, names: dict[str, str]) -> Machine:
    return Machine(
        id=row.id,
        azure_id=row.azure_id,
        name=row.name,
        environment=subscription.environment,
        subscription_id=row.subscription_id,
        subscription_name=subscription.name,
        tenant_id=subscription.tenant_id,
        resource_group=row.resource_group,
        resource_group_id=system_id(group_id(row.subscription_id, row.resource_group)),
        region=row.region,
        region_display_name=names.get(row.region, row.region),
        os_type=row.os_type,
        vm_size=row.vm_size,
        zone=row.zone,
        power_state=row.power_state,
        tags=as_text_map(row.tags),
        total_size_bytes=row.total_size_bytes,
        disk_count=row.disk_count,
        disk_azure_ids=as_texts(row.disk_azure_ids),
        has_ephemeral_os_disk=row.has_ephemeral_os_disk,
        has_unmanaged_disks=row.has_unmanaged_disks,
        virtual_network=row.virtual_network,
        subnet=row.subnet,
        private_ip=row.private_ip,
        public_ip=row.public_ip,
        dns_name=row.dns_name,
        removed_at=row.removed_at,
    )
