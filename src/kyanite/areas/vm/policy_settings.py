"""The settings of a policy in the words of the rules.

The row keeps the body as the client sent it; this is the one place that reads its members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.json_types import JsonObject, JsonValue, as_int, as_list, as_object, as_text, dig
from kyanite.rules.retention import Age, AgeUnit, Flag
from kyanite.rules.selection import Claim, Condition, Selection, Tag

_SCHEDULES: Mapping[Flag, str] = {
    Flag.DAILY: "dailySchedule",
    Flag.WEEKLY: "weeklySchedule",
    Flag.MONTHLY: "monthlySchedule",
}
DEFAULT_AGE = Age(14, AgeUnit.DAYS)
"""What a backup schedule keeps when it names no retention."""


@dataclass(frozen=True)
class SnapshotOptions:
    """How the snapshots of a policy are tagged."""

    copy_original_tags: bool
    additional_tags: Mapping[str, str]


def claim_of(policy: PolicyRow) -> Claim:
    """The policy as selection sees it."""
    return Claim(policy.id, policy.priority, selection_of(as_object(policy.settings)))


def selection_of(settings: JsonObject) -> Selection:
    """What the settings select (docs/behaviour/virtual-machines.md, section 3)."""
    chosen = as_object(settings.get("selectedItems"))
    excluded = as_object(settings.get("excludedItems"))
    return Selection(
        regions=frozenset(_members(settings.get("regions"), "regionId")),
        everything=as_text(settings.get("backupType")) == "AllSubscriptions",
        subscriptions=frozenset(_members(chosen.get("subscriptions"), "subscriptionId")),
        resource_groups=frozenset(_members(chosen.get("resourceGroups"), "id")),
        machines=frozenset(_members(chosen.get("virtualMachines"), "id")),
        tags=_tags(chosen.get("tags")),
        conditions=tuple(
            _condition(as_object(entry)) for entry in as_list(chosen.get("tagGroups"))
        ),
        excluded_machines=frozenset(_members(excluded.get("virtualMachines"), "id")),
        excluded_tags=_tags(excluded.get("tags")),
    )


def snapshot_options(settings: JsonObject) -> SnapshotOptions:
    """How snapshots are tagged."""
    chosen = as_object(settings.get("snapshotSettings"))
    return SnapshotOptions(
        copy_original_tags=chosen.get("copyOriginalTags") is True,
        additional_tags={tag.name: tag.value for tag in _tags(chosen.get("additionalTags"))},
    )


def snapshots_to_keep(settings: JsonObject) -> dict[Flag, int]:
    """How many snapshots each configured schedule keeps; absent and 0 are the same."""
    return {
        flag: as_int(dig(settings, name, "snapshotSchedule", "snapshotsToKeep"))
        for flag, name in _SCHEDULES.items()
        if dig(settings, name, "snapshotSchedule") is not None
    }


def backup_ages(settings: JsonObject) -> dict[Flag, Age]:
    """How long backups keep the flag of each schedule that makes some."""
    ages = {
        flag: _age(as_object(dig(settings, name, "backupSchedule", "retention")))
        for flag, name in _SCHEDULES.items()
        if as_text(dig(settings, name, "backupSchedule", "targetRepositoryId"))
    }
    if as_text(dig(settings, "yearlySchedule", "targetRepositoryId")):
        years = as_int(dig(settings, "yearlySchedule", "retentionYearsCount"))
        ages[Flag.YEARLY] = Age(max(1, years), AgeUnit.YEARS)
    return ages


def target_repositories(settings: JsonObject) -> dict[Flag, str]:
    """The repository that each backup schedule writes to."""
    targets = {
        flag: as_text(dig(settings, name, "backupSchedule", "targetRepositoryId"))
        for flag, name in _SCHEDULES.items()
    }
    targets[Flag.YEARLY] = as_text(dig(settings, "yearlySchedule", "targetRepositoryId"))
    return {flag: repository for flag, repository in targets.items() if repository}


def retry_count(settings: JsonObject) -> int:
    """How often a scheduled run tries failed machines again."""
    return as_int(dig(settings, "retrySettings", "retryCount"))


def ages_to_json(ages: Mapping[Flag, Age]) -> JsonObject:
    """Ages as a restore point stores them."""
    return {flag.value: {"count": age.count, "unit": age.unit.value} for flag, age in ages.items()}


def ages_from_json(stored: JsonObject) -> dict[Flag, Age]:
    """Ages as a restore point stored them."""
    return {
        Flag(name): Age(as_int(dig(value, "count")), AgeUnit(as_text(dig(value, "unit"))))
        for name, value in stored.items()
    }


def _age(retention: JsonObject) -> Age:
    count = as_int(retention.get("timeRetentionDuration"))
    unit = as_text(retention.get("retentionDurationType"))
    return Age(count, AgeUnit(unit)) if count and unit else DEFAULT_AGE


def _members(entries: JsonValue, name: str) -> list[str]:
    texts = (as_text(as_object(entry).get(name)) for entry in as_list(entries))
    return [text for text in texts if text]


def _tags(entries: JsonValue) -> tuple[Tag, ...]:
    objects: Sequence[JsonObject] = [as_object(entry) for entry in as_list(entries)]
    return tuple(Tag(as_text(o.get("name")), as_text(o.get("value"))) for o in objects)


def _condition(entry: JsonObject) -> Condition:
    return Condition(
        tags=_tags(entry.get("tags")),
        subscription_id=as_text(dig(entry, "subscription", "subscriptionId")) or None,
        resource_group_id=as_text(dig(entry, "resourceGroup", "id")) or None,
    )
