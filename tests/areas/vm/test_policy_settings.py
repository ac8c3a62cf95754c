"""The settings of a policy in the words of the rules."""

from __future__ import annotations

from kyanite.areas.vm.policy_settings import (
    ages_from_json,
    ages_to_json,
    backup_ages,
    retry_count,
    selection_of,
    snapshot_options,
    snapshots_to_keep,
    target_repositories,
)
from kyanite.base.json_types import JsonObject
from kyanite.rules.retention import Age, AgeUnit, Flag
from kyanite.rules.selection import Condition, Tag

SETTINGS: JsonObject = {
    "regions": [{"regionId": "westeurope"}],
    "backupType": "SelectedItems",
    "selectedItems": {
        "subscriptions": [{"subscriptionId": "s1"}],
        "resourceGroups": None,
        "virtualMachines": [{"id": "vm1"}],
        "tags": [{"name": "env", "value": "prod"}],
        "tagGroups": [
            {
                "name": "one",
                "subscription": {"subscriptionId": "s2"},
                "tags": [{"name": "a", "value": "b"}],
            }
        ],
    },
    "excludedItems": {"virtualMachines": [{"id": "vm2"}], "tags": []},
    "snapshotSettings": {
        "copyOriginalTags": True,
        "additionalTags": [{"name": "by", "value": "policy"}],
    },
    "retrySettings": {"retryCount": 3},
    "dailySchedule": {
        "snapshotSchedule": {"hours": [3], "snapshotsToKeep": 0},
        "backupSchedule": {
            "hours": [3],
            "retention": {"timeRetentionDuration": 2, "retentionDurationType": "Months"},
            "targetRepositoryId": "r1",
        },
    },
    "weeklySchedule": {"snapshotSchedule": {"snapshotsToKeep": 4}},
    "monthlySchedule": None,
}


def test_the_selection_is_what_the_body_says() -> None:
    selection = selection_of(SETTINGS)
    assert selection.regions == {"westeurope"}
    assert not selection.everything
    assert selection.subscriptions == {"s1"}
    assert selection.resource_groups == frozenset()
    assert selection.machines == {"vm1"}
    assert selection.tags == (Tag("env", "prod"),)
    assert selection.conditions == (Condition((Tag("a", "b"),), "s2", None),)
    assert selection.excluded_machines == {"vm2"}


def test_the_counts_ages_and_targets_are_by_flag() -> None:
    assert snapshots_to_keep(SETTINGS) == {Flag.DAILY: 0, Flag.WEEKLY: 4}
    assert backup_ages(SETTINGS) == {Flag.DAILY: Age(2, AgeUnit.MONTHS)}
    assert target_repositories(SETTINGS) == {Flag.DAILY: "r1"}
    assert retry_count(SETTINGS) == 3


def test_snapshots_get_the_tags_of_the_policy() -> None:
    options = snapshot_options(SETTINGS)
    assert options.copy_original_tags
    assert options.additional_tags == {"by": "policy"}


def test_a_body_without_anything_selects_nothing_and_keeps_nothing() -> None:
    assert selection_of({}).regions == frozenset()
    assert snapshots_to_keep({}) == {}
    assert backup_ages({}) == {}
    assert retry_count({}) == 0


def test_ages_are_stored_and_read_back() -> None:
    ages = {Flag.DAILY: Age(14, AgeUnit.DAYS), Flag.YEARLY: Age(3, AgeUnit.YEARS)}
    assert ages_from_json(ages_to_json(ages)) == ages
