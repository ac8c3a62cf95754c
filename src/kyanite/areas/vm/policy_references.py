"""What a policy names: account, regions, repositories, machines and groups. Do they fit?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import ServiceAccount, find_account
from kyanite.areas.inventory import find_machine, find_region, find_resource_group
from kyanite.areas.repositories import find_repository
from kyanite.areas.vm.policy_settings import target_repositories
from kyanite.areas.vm.wrong_members import WrongMembers
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text
from kyanite.rules.retention import Flag

PURPOSE: Final = "VirtualMachineBackup"


def check_references(
    db: Session,
    settings: dict[str, JsonValue],
    *,
    tenant_id: str,
    account_id: str,
    known_before: JsonObject | None = None,
) -> None:
    """Raise Invalid naming what does not exist or does not fit.

    Ids of machines and groups are brought into the form of system ids. What the policy named
    before (`known_before`) may have vanished from Azure since and stays allowed.
    """
    problems = WrongMembers("The policy names what does not exist or does not fit.")
    _check_account(find_account(db, account_id), tenant_id, problems)
    before = _named(known_before or {})
    for index, region in enumerate(as_list(settings.get("regions"))):
        code = as_text(as_object(region).get("regionId"))
        if code not in before and find_region(db, code) is None:
            problems.add(f"regions[{index}].regionId", f"No account sees a region {code}.")
    _resolve(settings, "virtualMachines", lambda one: _machine(db, one), before, problems)
    _resolve(settings, "resourceGroups", lambda one: _group(db, one), before, problems)
    _check_repositories(db, settings, tenant_id, problems)
    problems.raise_if_any()


def _machine(db: Session, machine_id: str) -> bool:
    return find_machine(db, machine_id) is not None


def _group(db: Session, group_id: str) -> bool:
    return find_resource_group(db, group_id) is not None


def _check_account(account: ServiceAccount | None, tenant_id: str, problems: WrongMembers) -> None:
    if account is None:
        problems.add("serviceAccountId", "There is no such service account.")
    elif account.tenant_id.lower() != tenant_id.lower():
        problems.add("tenantId", f"The account {account.name} belongs to another tenant.")
    elif not account.serves(PURPOSE):
        problems.add(
            "serviceAccountId",
            f"The account {account.name} does not have the purpose {PURPOSE}.",
        )


def _resolve(
    settings: dict[str, JsonValue],
    member: str,
    exists: Callable[[str], bool],
    before: frozenset[str],
    problems: WrongMembers,
) -> None:
    """Replace the ids in `member` of selected and excluded items by system ids."""
    for part in ("selectedItems", "excludedItems"):
        chosen = dict(as_object(settings.get(part)))
        if member not in chosen:
            continue
        resolved: list[JsonValue] = []
        for index, entry in enumerate(as_list(chosen[member])):
            sent = as_text(as_object(entry).get("id"))
            own_id = system_id(sent) if sent.startswith("/") else sent.lower()
            if not (sent and exists(own_id)) and own_id not in before:
                problems.add(f"{part}.{member}[{index}].id", "There is nothing of that id.")
            if {"id": own_id} not in resolved:
                resolved.append({"id": own_id})
        chosen[member] = resolved
        settings[part] = chosen


def _check_repositories(
    db: Session, settings: JsonObject, tenant_id: str, problems: WrongMembers
) -> None:
    for flag, repository_id in target_repositories(settings).items():
        where = f"{flag.value.lower()}Schedule.backupSchedule.targetRepositoryId"
        repository = find_repository(db, repository_id)
        if repository is None:
            problems.add(where, "There is no such repository.")
        elif repository.has_another_owner:
            problems.add(where, f"The repository {repository.name} belongs to another appliance.")
        elif repository.is_archive and flag in (Flag.DAILY, Flag.WEEKLY):
            problems.add(where, "Daily and weekly backups do not go into an archive.")
        elif repository.tenant_id.lower() != tenant_id.lower():
            problems.add(where, f"The repository {repository.name} is in another tenant.")


def _named(settings: JsonObject) -> frozenset[str]:
    """Everything that settings name by id."""
    names = {as_text(as_object(one).get("regionId")) for one in as_list(settings.get("regions"))}
    for part in ("selectedItems", "excludedItems"):
        chosen = as_object(settings.get(part))
        for member in ("virtualMachines", "resourceGroups"):
            names |= {as_text(as_object(one).get("id")) for one in as_list(chosen.get(member))}
    return frozenset(names)
