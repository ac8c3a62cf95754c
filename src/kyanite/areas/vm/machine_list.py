"""The list of machines that can be protected, with its filters.

Rules: docs/behaviour/virtual-machines.md, section 3.11.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.areas.inventory import Kind, Machine, MachineFilter, machines_query
from kyanite.areas.vm.points import BACKUP
from kyanite.areas.vm.policy_settings import selection_of
from kyanite.areas.vm.tables import PolicyRow, RestorePointRow
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import as_object
from kyanite.contract.models.shared import ProtectionStatus
from kyanite.contract.models.virtual_machine import (
    BackupDestinationFilterOptions,
    GetVirtualMachinePageQuery,
    VirtualMachineExistsState,
    VirtualMachineOptions,
)

ARCHIVE: Final = "Archive"
MACHINE_KINDS: Final = (Kind.REGION, Kind.RESOURCE_GROUP, Kind.MACHINE)
"""What a list of machines shows comes from these."""
_EXISTS: Final[Mapping[VirtualMachineExistsState | None, bool | None]] = {
    None: True,
    VirtualMachineExistsState.ONLY_EXISTS: True,
    VirtualMachineExistsState.ONLY_DELETED: False,
    VirtualMachineExistsState.ALL: None,
}


def machines(
    db: Session, wanted: GetVirtualMachinePageQuery | VirtualMachineOptions
) -> list[Machine]:
    """The machines that pass all filters, by name, then id."""
    found = machines_query(
        db,
        MachineFilter(
            account_id=wanted.service_account_id,
            subscription_id=id_text(wanted.subscription_id),
            resource_group_id=wanted.resource_group_id,
            tenant_id=wanted.tenant_id,
            regions=tuple(wanted.region_ids or ()),
            text=wanted.search_pattern,
            exists=_EXISTS[wanted.exists_state],
        ),
    )
    if wanted.protection_status or wanted.backup_destination:
        held = destinations(db)
        found = [
            machine
            for machine in found
            if _has_status(held.get(machine.id, frozenset()), wanted.protection_status)
            and _has_destination(held.get(machine.id, frozenset()), wanted.backup_destination)
        ]
    if wanted.vm_from_protected_regions:
        regions = protected_regions(db)
        found = [machine for machine in found if machine.region in regions]
    return found


def destinations(db: Session) -> dict[str, frozenset[str]]:
    """Machine id → where it has restore points: values of `BackupDestinationFilterOptions`."""
    rows = db.execute(
        select(
            RestorePointRow.machine_id, RestorePointRow.destination, RestorePointRow.access_tier
        ).distinct()
    )
    held: dict[str, set[str]] = {}
    for machine_id, destination, tier in rows:
        archived = destination == BACKUP and tier == ARCHIVE
        held.setdefault(machine_id, set()).add(ARCHIVE if archived else destination)
    return {machine_id: frozenset(found) for machine_id, found in held.items()}


def protected_regions(db: Session) -> frozenset[str]:
    """The regions that any policy uses."""
    settings = db.scalars(select(PolicyRow.settings))
    return frozenset().union(*(selection_of(as_object(one)).regions for one in settings))


def _has_status(held: frozenset[str], wanted: Collection[ProtectionStatus] | None) -> bool:
    own = ProtectionStatus.PROTECTED if held else ProtectionStatus.UNPROTECTED
    return not wanted or own in wanted


def _has_destination(
    held: frozenset[str], wanted: Collection[BackupDestinationFilterOptions] | None
) -> bool:
    return not wanted or any(one.value in held for one in wanted)
