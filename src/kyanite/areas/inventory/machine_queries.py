"""Every SQL statement that reads machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.queries import region_names, seen
from kyanite.areas.inventory.tables import MachineRow, SubscriptionRow
from kyanite.areas.inventory.values import Machine, MachineFilter
from kyanite.base.azure_names import group_id, region_code
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import as_text_map, as_texts
from kyanite.http.pages import Found, Paging

_ORDER: Final = (func.lower(MachineRow.name), MachineRow.id)


def machines_query(db: Session, wanted: MachineFilter = MachineFilter()) -> list[Machine]:
    """All machines that pass the filter, by name, then id.

    Those removed from Azure are of everybody who sees their subscription.
    """
    query = _machines().where(*_conditions(db, wanted)).order_by(*_ORDER)
    return _values(db, db.execute(query))


def machine_page(
    db: Session,
    wanted: MachineFilter,
    paging: Paging,
    *,
    among: Sequence[Select[str]] = (),
    not_among: Sequence[Select[str]] = (),
) -> Found[Machine]:
    """One page of `machines_query`, and how many there are on all pages together.

    ``among``, ``not_among``: selects of ids; only machines in all of the former and in none of
    the latter.
    """
    ids = select(MachineRow.id).join(
        SubscriptionRow, SubscriptionRow.id == MachineRow.subscription_id
    )
    ids = ids.where(
        *_conditions(db, wanted),
        *(MachineRow.id.in_(one) for one in among),
        *(MachineRow.id.not_in(one) for one in not_among),
    )
    if paging.limit != 0:
        # Only the ids are put in order: machines are wide. Their count comes with them.
        counted = ids.add_columns(func.count().over().label("total")).order_by(*_ORDER)
        page = paging.applied(counted).subquery()
        query = _machines().add_columns(page.c.total).join(page, page.c.id == MachineRow.id)
        rows = db.execute(query.order_by(*_ORDER)).all()
        if rows:
            return Found(rows[0].total, _values(db, [(row[0], row[1]) for row in rows]))
    return Found(db.scalar(select(func.count()).select_from(ids.subquery())) or 0, [])


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


def _conditions(db: Session, wanted: MachineFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        or_(
            seen(Kind.MACHINE, MachineRow.id, wanted.account_id),
            and_(
                MachineRow.removed_at.is_not(None),
                seen(Kind.SUBSCRIPTION, MachineRow.subscription_id, wanted.account_id),
            ),
        )
    ]
    if wanted.exists is not None:
        missing = MachineRow.removed_at
        conditions.append(missing.is_(None) if wanted.exists else missing.is_not(None))
    if wanted.subscription_id:
        conditions.append(MachineRow.subscription_id == wanted.subscription_id.lower())
    if wanted.resource_group_id:
        conditions.append(_in_group(db, wanted.resource_group_id.lower()))
    if wanted.tenant_id:
        conditions.append(SubscriptionRow.tenant_id == wanted.tenant_id.lower())
    if wanted.regions:
        conditions.append(MachineRow.region.in_([region_code(r) for r in wanted.regions]))
    if wanted.text:
        # Names of machines are ASCII, so SQL folds their case on every database.
        part = wanted.text.lower()
        conditions.append(func.lower(MachineRow.name).contains(part, autoescape=True))
    if wanted.ids:
        conditions.append(MachineRow.id.in_(wanted.ids))
    return conditions


def _in_group(db: Session, resource_group_id: str) -> ColumnElement[bool]:
    """Machines of a resource group. It may be gone, or not for the account to see, and machines
    write its name in their own case: so it is found among theirs."""
    groups = select(MachineRow.subscription_id, MachineRow.resource_group).distinct()
    named = [
        and_(MachineRow.subscription_id == subscription_id, MachineRow.resource_group == name)
        for subscription_id, name in db.execute(groups)
        if system_id(group_id(subscription_id, name)) == resource_group_id
    ]
    return or_(false(), *named)


def _machines() -> Select[MachineRow, SubscriptionRow]:
    return select(MachineRow, SubscriptionRow).join(
        SubscriptionRow, SubscriptionRow.id == MachineRow.subscription_id
    )


def _values(db: Session, rows: Iterable[tuple[MachineRow, SubscriptionRow]]) -> list[Machine]:
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
