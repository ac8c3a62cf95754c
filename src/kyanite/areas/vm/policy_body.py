"""The body of a policy, checked and brought into the form that is stored.

Everything here can be said without looking anything up; whether accounts, repositories and
machines exist is `policy_references`' to say. Rules: docs/behaviour/virtual-machines.md,
sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kyanite.areas.vm.jobs.marks import RESERVED_PREFIX
from kyanite.areas.vm.wrong_members import WrongMembers
from kyanite.base.azure_names import region_code
from kyanite.base.json_types import JsonObject, JsonValue, as_int, as_list, as_object, as_text, dig
from kyanite.contract.models.policy import NewPolicyFromClient, UpdatedPolicyFromClient

FORBIDDEN_IN_NAMES: Final = frozenset("/\\\"':|<>+=;,?!*%#^@&$")
MAX_ADDITIONAL_TAGS: Final = 5
MAX_CONDITION_NAME: Final = 64
MAX_SNAPSHOTS: Final = 9999
MAX_RETRIES: Final = 100
AGE_LIMITS: Final[Mapping[str, int]] = {"Days": 36135, "Months": 1188, "Years": 99}

# Parts of a policy that this version does not carry out. Saying so is better than taking a
# schedule that never runs.
_NOT_YET: Final = "is not available in this version."


def settings_of(body: NewPolicyFromClient | UpdatedPolicyFromClient) -> dict[str, JsonValue]:
    """The settings to store. Raises Invalid naming every member that makes no sense."""
    settings: dict[str, JsonValue] = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    problems = WrongMembers("The policy has wrong or missing values.")
    _check_name(settings, problems)
    _normalise_regions(settings, problems)
    _normalise_selection(settings, problems)
    _check_snapshot_settings(as_object(settings.get("snapshotSettings")), problems)
    _check_retries(settings, problems)
    _normalise_schedules(settings, problems)
    problems.raise_if_any()
    return settings


def _check_name(settings: JsonObject, problems: WrongMembers) -> None:
    name = as_text(settings.get("name"))
    wrong = sorted(FORBIDDEN_IN_NAMES & set(name))
    if wrong:
        problems.add("name", f"A name may not contain {' '.join(wrong)}.")
    if not name.strip():
        problems.add("name", "A name has at least one letter or digit.")


def _normalise_regions(settings: dict[str, JsonValue], problems: WrongMembers) -> None:
    """Regions as code names: `East US` and `eastus` are one (docs/behaviour/rulings.md)."""
    codes: list[str] = []
    for index, region in enumerate(as_list(settings.get("regions"))):
        code = region_code(as_text(as_object(region).get("regionId")))
        if not code:
            problems.add(f"regions[{index}].regionId", "A region is needed.")
        elif code not in codes:
            codes.append(code)
    settings["regions"] = [{"regionId": code} for code in codes]


def _normalise_selection(settings: dict[str, JsonValue], problems: WrongMembers) -> None:
    """A policy of selected items may have none; then it protects nothing."""
    settings.setdefault("backupType", "SelectedItems")
    if settings["backupType"] == "AllSubscriptions":
        settings.pop("selectedItems", None)
    chosen = as_object(settings.get("selectedItems"))
    for index, entry in enumerate(as_list(chosen.get("tagGroups"))):
        _check_condition(as_object(entry), f"selectedItems.tagGroups[{index}]", problems)
    for part in ("selectedItems", "excludedItems"):
        tags = as_list(as_object(settings.get(part)).get("tags"))
        for index, tag in enumerate(tags):
            if not as_text(as_object(tag).get("name")):
                problems.add(f"{part}.tags[{index}].name", "A tag has a name.")


def _check_condition(entry: JsonObject, where: str, problems: WrongMembers) -> None:
    """One condition: tags AND-ed with each other, or with one subscription or group (3.4)."""
    name, tags = as_text(entry.get("name")), as_list(entry.get("tags"))
    subscription = as_text(dig(entry, "subscription", "subscriptionId"))
    group = as_text(dig(entry, "resourceGroup", "id"))
    if not 1 <= len(name) <= MAX_CONDITION_NAME:
        problems.add(f"{where}.name", f"A condition has a name of 1 to {MAX_CONDITION_NAME} signs.")
    if subscription and group:
        problems.add(where, "A condition has a subscription or a resource group, not both.")
    needed = 1 if subscription or group else 2
    if len(tags) < needed:
        problems.add(f"{where}.tags", f"This condition needs at least {needed} tags.")
    for index, tag in enumerate(tags):
        if not as_text(as_object(tag).get("name")):
            problems.add(f"{where}.tags[{index}].name", "A tag has a name.")


def _check_snapshot_settings(settings: JsonObject, problems: WrongMembers) -> None:
    where = "snapshotSettings"
    tags = as_list(settings.get("additionalTags"))
    if len(tags) > MAX_ADDITIONAL_TAGS:
        problems.add(f"{where}.additionalTags", f"At most {MAX_ADDITIONAL_TAGS} tags can be added.")
    for index, tag in enumerate(tags):
        name = as_text(as_object(tag).get("name"))
        if not name:
            problems.add(f"{where}.additionalTags[{index}].name", "A tag has a name.")
        elif name.lower().startswith(RESERVED_PREFIX):
            problems.add(
                f"{where}.additionalTags[{index}].name",
                f"Names that begin with {RESERVED_PREFIX} are the appliance's own.",
            )
    if settings.get("applicationAwareSnapshot") is True:
        problems.add(f"{where}.applicationAwareSnapshot", f"Application awareness {_NOT_YET}")
    for system in ("windows", "linux"):
        if dig(settings, "userScripts", system, "scriptsEnabled") is True:
            problems.add(f"{where}.userScripts.{system}", f"Running scripts in guests {_NOT_YET}")


def _check_retries(settings: JsonObject, problems: WrongMembers) -> None:
    if not 0 <= as_int(dig(settings, "retrySettings", "retryCount")) <= MAX_RETRIES:
        problems.add("retrySettings.retryCount", f"Between 0 and {MAX_RETRIES} retries are made.")


def _normalise_schedules(settings: dict[str, JsonValue], problems: WrongMembers) -> None:
    for name in ("weeklySchedule", "monthlySchedule", "yearlySchedule"):
        schedule = as_object(settings.pop(name, None))
        if _does_anything(schedule):
            problems.add(name, f"This schedule {_NOT_YET}")
    if dig(settings, "healthCheckSchedule", "healthCheckEnabled") is True:
        problems.add("healthCheckSchedule", f"The health check {_NOT_YET}")
    daily = settings.pop("dailySchedule", None)
    if daily is not None:
        kept = _daily(dict(as_object(daily)), problems)
        if kept:
            settings["dailySchedule"] = kept


def _does_anything(schedule: JsonObject) -> bool:
    """Whether a less frequent schedule would make or keep any point."""
    snapshots = as_object(schedule.get("snapshotSchedule"))
    backups = as_object(schedule.get("backupSchedule"))
    return bool(
        any(as_list(part.get("selectedDays")) for part in (snapshots, backups))
        or any(as_list(part.get("selectedMonths")) for part in (snapshots, backups))
        or as_text(backups.get("targetRepositoryId"))
        or as_text(schedule.get("targetRepositoryId"))
    )


def _daily(daily: dict[str, JsonValue], problems: WrongMembers) -> dict[str, JsonValue]:
    """The daily schedule; 0 in `runsPerHour` and `snapshotsToKeep` equals absent."""
    where = "dailySchedule"
    snapshots = dict(as_object(daily.get("snapshotSchedule")))
    backups = dict(as_object(daily.get("backupSchedule")))
    daily.setdefault("dailyType", "Everyday")
    if daily["dailyType"] == "SelectedDays" and not as_list(daily.get("selectedDays")):
        problems.add(f"{where}.selectedDays", "Say on which days the schedule runs.")
    if not as_int(daily.get("runsPerHour")):
        daily["runsPerHour"] = 1
    if not 1 <= as_int(daily["runsPerHour"]) <= 60:
        problems.add(f"{where}.runsPerHour", "Between 1 and 60 runs fit into an hour.")
    _check_hours(as_list(snapshots.get("hours")), f"{where}.snapshotSchedule.hours", problems)
    _check_hours(as_list(backups.get("hours")), f"{where}.backupSchedule.hours", problems)
    if not 0 <= as_int(snapshots.get("snapshotsToKeep")) <= MAX_SNAPSHOTS:
        problems.add(
            f"{where}.snapshotSchedule.snapshotsToKeep",
            f"Between 0 and {MAX_SNAPSHOTS} snapshots can be kept.",
        )
    if as_list(backups.get("hours")) and not as_text(backups.get("targetRepositoryId")):
        problems.add(f"{where}.backupSchedule.targetRepositoryId", "Backups need a repository.")
    _check_age(as_object(backups.get("retention")), f"{where}.backupSchedule.retention", problems)
    return daily


def _check_hours(hours: Sequence[JsonValue], where: str, problems: WrongMembers) -> None:
    if not all(0 <= as_int(hour) <= 23 for hour in hours):
        problems.add(where, "Hours are whole numbers from 0 to 23.")


def _check_age(retention: JsonObject, where: str, problems: WrongMembers) -> None:
    count, unit = (
        as_int(retention.get("timeRetentionDuration")),
        retention.get("retentionDurationType"),
    )
    if count and unit is None:
        problems.add(f"{where}.retentionDurationType", "Say whether days, months or years.")
    limit = AGE_LIMITS.get(as_text(unit), max(AGE_LIMITS.values()))
    if not 0 <= count <= limit:
        problems.add(f"{where}.timeRetentionDuration", f"Between 1 and {limit} can be kept.")
