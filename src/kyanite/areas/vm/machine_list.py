"""The list of machines that can be protected, with its filters.

Rules: docs/behaviour/virtual-machines.md, section 3.11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from kyanite.areas.inventory import Kind, Machine, MachineFilter, machine_page
from kyanite.areas.vm.points import BACKUP
from kyanite.areas.vm.policy_settings import selection_of
from kyanite.areas.vm.tables import PolicyRow, RestorePointRow
from kyanite.base.azure_names import region_code
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import as_object
from kyanite.contract.models.shared import ProtectionStatus
from kyanite.contract.models.virtual_machine import (
    BackupDestinationFilterOptions,
    GetVirtualMachinePageQuery,
    VirtualMachineExistsState,
    VirtualMachineOptions,
)
from kyanite.http.pages import Found, Paging

ARCHIVE: Final = "Archive"
MACHINE_KINDS: Final = (Kind.REGION, Kind.RESOURCE_GROUP, Kind.MACHINE)
"""What a list of machines shows comes from these."""
_STATUSES: Final = frozenset({ProtectionStatus.PROTECTED, ProtectionStatus.UNPROTECTED})
_EXISTS: Final[Mapping[VirtualMachineExistsState | None, bool | None]] = {
    None: True,
    VirtualMachineExistsState.ONLY_EXISTS: True,
    VirtualMachineExistsState.ONLY_DELETED: False,
    VirtualMachineExistsState.ALL: None,
}


def machines(
    db: Session, wanted: GetVirtualMachinePageQuery | VirtualMachineOptions, paging: Paging
) -> Found[Machine]:
    """One page of the machines that pass all filters, by name, then id."""
    regions = tuple(wanted.region_ids or ())
    if wanted.vm_from_protected_regions:
        named = {region_code(region) for region in regions}
        regions = tuple(sorted(r for r in protected_regions(db) if not named or r in named))
        if not regions:
            return Found(0, [])
    among: list[Select[str]] = []
    not_among: list[Select[str]] = []
    if wanted.protection_status:
        statuses = set(wanted.protection_status)
        if statuses.isdisjoint(_STATUSES):
            return Found(0, [])
        if ProtectionStatus.UNPROTECTED not in statuses:
            among.append(_protected())
        if ProtectionStatus.PROTECTED not in statuses:
            not_among.append(_protected())
    if wanted.backup_destination:
        places = [_lies_at(destination) for destination in set(wanted.backup_destination)]
        among.append(_protected().where(or_(*places)))
    return machine_page(
        db,
        MachineFilter(
            account_id=wanted.service_account_id,
            subscription_id=id_text(wanted.subscription_id),
            resource_group_id=wanted.resource_group_id,
            tenant_id=wanted.tenant_id,
            regions=regions,
            text=wanted.search_pattern,
            exists=_EXISTS[wanted.exists_state],
        ),
        paging,
        among=among,
        not_among=not_among,
    )


def protected_regions(db: Session) -> frozenset[str]:
    """The regions that any policy uses."""
    settings = db.scalars(select(PolicyRow.settings))
    return frozenset().union(*(selection_of(as_object(one)).regions for one in settings))


def _protected() -> Select[str]:
    """Ids of machines with a restore point."""
    return select(RestorePointRow.machine_id)


def _lies_at(wanted: BackupDestinationFilterOptions) -> ColumnElement[bool]:
    """Whether a restore point lies there: backups in the archive tier are not with the others."""
    archived = and_(RestorePointRow.destination == BACKUP, RestorePointRow.access_tier == ARCHIVE)
    if wanted is BackupDestinationFilterOptions.ARCHIVE:
        return archived
    here = RestorePointRow.destination == wanted.value
    if wanted is not BackupDestinationFilterOptions.AZURE_BLOB:
        return here
    online = or_(RestorePointRow.access_tier.is_(None), RestorePointRow.access_tier != ARCHIVE)
    return and_(here, online)
