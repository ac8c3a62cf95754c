"""Restores of machines and disks: what was asked for, checked and handed to a session.

What the recipe of the point cannot give is refused here, before anything is started.
Rules: docs/behaviour/virtual-machines.md, section 14.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import ServiceAccount, find_account
from kyanite.areas.inventory import find_resource_group, find_subscription
from kyanite.areas.vm import points
from kyanite.areas.vm.deletions import POINT_USED_KIND, SESSION_USER_KIND
from kyanite.areas.vm.jobs.restore_disks import RESTORE_DISKS
from kyanite.areas.vm.jobs.restore_machine import RESTORE_MACHINE
from kyanite.areas.vm.point_list import CORRUPTED
from kyanite.areas.vm.restore_targets import disk_target_to_json, machine_target_to_json
from kyanite.areas.vm.tables import RestorePointRow
from kyanite.areas.vm.wrong_members import WrongMembers
from kyanite.base.azure_names import id_part, region_code
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text
from kyanite.contract.models.shared import AzureSubscription, ResourceGroup
from kyanite.contract.models.virtual_machine_restore_point import (
    DiskBulkRestoreOptions,
    DiskRestoreOptions,
    DiskRestoreOptionsBase,
    DiskType,
    VirtualMachineRestoreOptions,
    VirtualMachineToAlternativeRestoreOptions,
)
from kyanite.db.uses import Thing, replace_uses
from kyanite.durable.start import NewSession, start_session
from kyanite.rules.restore_plan import DiskTarget, MachineTarget, plan_machine

PURPOSE: Final = "VirtualMachineRestore"


def restore_machine(
    db: Session, point_id: str, body: VirtualMachineRestoreOptions, initiator: str
) -> str:
    """Start restoring a machine; returns the session. Raises NotFound or Invalid."""
    problems = WrongMembers("The restore cannot be done as asked.")
    _check_reason(body.reason, problems)
    account = _account(db, body.service_account_id, problems)
    problems.raise_if_any()
    point = _usable_point(db, point_id)
    target = None
    if body.to_alternative is not None:
        target = _machine_target(db, point, body.to_alternative, account)
    plan_machine(as_object(point.recipe), target, {})
    payload: JsonObject = {
        "pointId": point_id,
        "accountId": account.id if account else "",
        "start": body.start_vm_after_restore is True,
        "target": machine_target_to_json(target) if target else None,
    }
    return _start(db, point, "RestoreVms", RESTORE_MACHINE, payload, body.reason, initiator)


def restore_disks(db: Session, point_id: str, body: DiskBulkRestoreOptions, initiator: str) -> str:
    """Start restoring disks; returns the session. Raises NotFound or Invalid."""
    problems = WrongMembers("The restore cannot be done as asked.")
    _check_reason(body.reason, problems)
    entries = body.to_alternative
    account_id = body.service_account_id or next(
        (entry.service_account_id for entry in entries or () if entry.service_account_id), None
    )
    account = _account(db, account_id, problems)
    if (body.to_original is None) == (entries is None):
        problems.add("toAlternative", "Say either toOriginal or toAlternative.")
    problems.raise_if_any()
    point = _usable_point(db, point_id)
    payload: dict[str, JsonValue] = {
        "pointId": point_id,
        "accountId": account.id if account else "",
    }
    held = {
        as_text(as_object(disk).get("id")).lower()
        for disk in as_list(as_object(point.recipe).get("disks"))
    }
    if body.to_original is not None:
        excluded = {(disk.disk_id or "").lower() for disk in body.to_original.excluded_disks or ()}
        if not held - excluded:
            problems.add("toOriginal.excludedDisks", "Nothing is left to restore.")
        payload["original"] = {"excludedDiskIds": sorted(excluded)}
    else:
        payload["alternative"] = _alternatives(db, entries or [], held, account, problems)
    problems.raise_if_any()
    return _start(db, point, "RestoreDisks", RESTORE_DISKS, payload, body.reason, initiator)


def _check_reason(reason: str, problems: WrongMembers) -> None:
    if not reason.strip():
        problems.add("reason", "Say why this is restored; the session keeps it.")


def _account(db: Session, account_id: str | None, problems: WrongMembers) -> ServiceAccount | None:
    account = find_account(db, account_id) if account_id else None
    if not account_id:
        problems.add("serviceAccountId", "Say with which service account to restore.")
    elif account is None:
        problems.add("serviceAccountId", "There is no such service account.")
    elif not account.serves(PURPOSE):
        problems.add(
            "serviceAccountId",
            f"The account {account.name} does not have the purpose {PURPOSE}.",
        )
    return account


def _usable_point(db: Session, point_id: str) -> RestorePointRow:
    point = points.get_point(db, point_id)
    if point.state == CORRUPTED:
        raise Invalid.member("restorePointId", "The restore point is damaged; choose another one.")
    if point.access_tier == "Archive":
        raise Invalid.member("restorePointId", "Retrieve the archived data first.")
    return point


def _machine_target(
    db: Session,
    point: RestorePointRow,
    asked: VirtualMachineToAlternativeRestoreOptions,
    account: ServiceAccount | None,
) -> MachineTarget:
    problems = WrongMembers("The restore cannot be done as asked.")
    where = "toAlternative"
    if asked.disk_type is DiskType.UNMANAGED:
        problems.add(f"{where}.diskType", "Managed disks are not made into unmanaged ones.")
    network_id = asked.virtual_network.id if asked.virtual_network else None
    subnet_name = asked.subnet.name if asked.subnet else None
    if network_id and not network_id.startswith("/"):
        problems.add(f"{where}.virtualNetwork.id", "The Azure id of the network is needed.")
    if (network_id is None) != (subnet_name is None):
        problems.add(f"{where}.subnet", "A network and a subnet of it belong together.")
    source = as_object(as_object(point.recipe).get("machine"))
    machine_id, location = as_text(source.get("id")), as_text(source.get("location"))
    subscription_id = _subscription(db, asked.subscription, account, where, problems)
    region = asked.region.id or asked.region.name if asked.region else None
    region = region_code(region) if region else None
    elsewhere = (region and region != region_code(location)) or (
        subscription_id and subscription_id != id_part(machine_id, "subscriptions").lower()
    )
    if elsewhere and network_id is None:
        problems.add(f"{where}.virtualNetwork", "In another region or subscription it is needed.")
    disks = [asked.os_disk] if asked.os_disk else []
    disks += asked.data_disks or []
    target = MachineTarget(
        name=asked.name,
        subscription_id=subscription_id,
        resource_group=_group(db, asked.resource_group),
        region=region,
        vm_size=asked.vm_size_name,
        subnet_id=f"{network_id}/subnets/{subnet_name}" if network_id and subnet_name else None,
        security_group_id=asked.network_security_group.id if asked.network_security_group else None,
        availability_set_id=asked.availability_set.id if asked.availability_set else None,
        zone=asked.availability_zone.name if asked.availability_zone else None,
        disks={
            disk.disk_id.lower(): _disk_base(db, disk) for disk in disks if disk.disk_id is not None
        },
    )
    problems.raise_if_any()
    return target


def _alternatives(
    db: Session,
    entries: list[DiskRestoreOptions],
    held: set[str],
    account: ServiceAccount | None,
    problems: WrongMembers,
) -> list[JsonValue]:
    if not entries:
        problems.add("toAlternative", "Name at least one disk.")
    chosen: list[JsonValue] = []
    for index, entry in enumerate(entries):
        where = f"toAlternative[{index}]"
        disk_id = (entry.disk_id or "").lower()
        if disk_id not in held:
            problems.add(f"{where}.diskId", "The restore point holds no disk of that id.")
        if entry.type is DiskType.UNMANAGED:
            problems.add(f"{where}.type", "Managed disks are not made into unmanaged ones.")
        region = entry.region.id or entry.region.name if entry.region else None
        target = DiskTarget(
            name=entry.name,
            subscription_id=_subscription(db, entry.subscription, account, where, problems),
            resource_group=_group(db, entry.resource_group),
            region=region_code(region) if region else None,
            zone=entry.availability_zone,
        )
        chosen.append({"diskId": disk_id, **disk_target_to_json(target)})
    return chosen


def _disk_base(db: Session, disk: DiskRestoreOptionsBase) -> DiskTarget:
    return DiskTarget(name=disk.name, resource_group=_group(db, disk.resource_group))


def _group(db: Session, group: ResourceGroup | None) -> str | None:
    """The name of a resource group, by whatever of it the client sent."""
    if group is None:
        return None
    if group.name:
        return group.name
    if group.resource_id:
        return id_part(group.resource_id, "resourceGroups") or None
    known = find_resource_group(db, group.id) if group.id else None
    return known.name if known else None


def _subscription(
    db: Session,
    asked: AzureSubscription | None,
    account: ServiceAccount | None,
    where: str,
    problems: WrongMembers,
) -> str | None:
    if asked is None:
        return None
    subscription_id = str(asked.id)
    known = find_subscription(db, subscription_id)
    if known is None:
        problems.add(f"{where}.subscription.id", "No account sees this subscription.")
    elif account is not None and known.tenant_id.lower() != account.tenant_id.lower():
        problems.add(f"{where}.subscription.id", "It belongs to another tenant than the account.")
    return subscription_id


def _start(
    db: Session,
    point: RestorePointRow,
    session_type: str,
    job: str,
    payload: JsonObject,
    reason: str,
    initiator: str,
) -> str:
    session_id = start_session(
        db,
        NewSession(
            type=session_type,
            job=job,
            payload=payload,
            initiator=initiator,
            reason=reason,
            repository_id=point.repository_id,
            source_policy_name=point.policy_name,
        ),
    )
    replace_uses(db, Thing(SESSION_USER_KIND, session_id), [Thing(POINT_USED_KIND, point.id)])
    return session_id
