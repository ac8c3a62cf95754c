"""Machines and their restore points, as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from kyanite.areas.inventory.tables import MachineRow
from kyanite.areas.vm.points import BACKUP
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.base.identifiers import new_id, system_id

SUBSCRIPTION = "1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9"
_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"


def known_machine(db: Session, name: str, *, removed_at: datetime | None = None) -> str:
    """A machine of the inventory that was protected once; returns its system id."""
    azure_id = f"{_GROUP}/providers/Microsoft.Compute/virtualMachines/{name}"
    machine_id = system_id(azure_id)
    common = {
        "id": machine_id,
        "azure_id": azure_id,
        "name": name,
        "subscription_id": SUBSCRIPTION,
        "resource_group": "shop",
        "region": "westeurope",
        "os_type": "Linux",
        "vm_size": "Standard_D2s_v5",
        "zone": None,
    }
    db.add(
        MachineRow(
            **common,
            tags={},
            total_size_bytes=1,
            disk_count=1,
            disk_azure_ids=[],
            has_ephemeral_os_disk=False,
            has_unmanaged_disks=False,
            removed_at=removed_at,
        )
    )
    db.add(ProtectedMachineRow(**common, tenant_id="t", total_size_gib=1))
    db.flush()
    return machine_id


def past_point(
    db: Session,
    machine_id: str,
    taken_at: datetime,
    *,
    destination: str = BACKUP,
    size_bytes: int = 0,
    tier: str | None = "Hot",
    flags: str = "Daily",
) -> str:
    """A restore point of the machine; returns its id."""
    is_backup = destination == BACKUP
    point_id = new_id()
    db.add(
        RestorePointRow(
            id=point_id,
            machine_id=machine_id,
            destination=destination,
            kind="Full" if is_backup else "Unknown",
            state="Ok" if is_backup else "NotApplicable",
            point_in_time=taken_at,
            flags=flags,
            policy_id=None,
            policy_name="Gold",
            retention={},
            job_session_id=new_id(),
            repository_id="r" if is_backup else None,
            engine_point_id=point_id if is_backup else None,
            backup_size_bytes=size_bytes,
            region="westeurope",
            access_tier=tier if is_backup else None,
            recipe={},
        )
    )
    db.flush()
    return point_id
