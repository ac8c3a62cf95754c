"""The permission sets are those of the behaviour file, and what is missing is named exactly."""

from __future__ import annotations

import pytest

from kyanite.rules.permission_sets import ALL_PURPOSES, permission_set, providers_for
from kyanite.rules.permissions import (
    ROLE_ASSIGNMENTS_READ,
    Grant,
    Sufficiency,
    allows,
    allows_data,
    check,
    unverifiable,
)

SET_SIZES = {
    "Repository": (28, 7),
    "WorkerManagement": (80, 7),
    "VirtualMachineBackup": (22, 0),
    "VirtualMachineRestore": (57, 0),
    "AzureSqlBackup": (24, 0),
    "AzureSqlRestore": (19, 0),
    "CosmosBackup": (22, 0),
    "CosmosRestore": (30, 0),
    "AzureFiles": (5, 0),
    "VnetBackup": (13, 0),
    "VnetRestore": (51, 0),
}


def full_list() -> tuple[list[str], list[str]]:
    """Every action and data action of every purpose, each once."""
    actions = {a.lower(): a for p in ALL_PURPOSES for a in permission_set(p).actions}
    data = {a.lower(): a for p in ALL_PURPOSES for a in permission_set(p).data_actions}
    return sorted(actions.values()), sorted(data.values())


@pytest.mark.parametrize(("purpose", "sizes"), SET_SIZES.items())
def test_each_set_has_as_many_rights_as_documented(purpose: str, sizes: tuple[int, int]) -> None:
    rights = permission_set(purpose)
    assert (len(rights.actions), len(rights.data_actions)) == sizes


def test_the_union_of_all_sets_is_the_full_list() -> None:
    actions, data = full_list()
    assert (len(actions), len(data)) == (173, 10)


def test_the_full_list_alone_is_enough_for_every_purpose() -> None:
    actions, data = full_list()
    result = check([Grant(actions=tuple(actions), data_actions=tuple(data))], ALL_PURPOSES)
    assert result.sufficiency is Sufficiency.AVAILABLE_ALL
    assert result.working_purposes == ALL_PURPOSES


def test_each_action_taken_away_in_turn_is_the_only_one_named() -> None:
    actions, data = full_list()
    for action in actions:
        result = check([Grant(("*",), (action,), ("*",))], ALL_PURPOSES)
        if "*" not in action:
            assert result.missing_actions == (action,)
        else:  # a wildcard takes what it covers along
            assert action in result.missing_actions
        assert result.missing_data_actions == ()
        assert result.sufficiency is not Sufficiency.AVAILABLE_ALL
    for action in data:
        result = check([Grant(("*",), (), ("*",), (action,))], ALL_PURPOSES)
        assert (result.missing_actions, result.missing_data_actions) == ((), (action,))


@pytest.mark.parametrize("purpose", ALL_PURPOSES)
def test_a_role_without_one_needed_action_lacks_that_one(purpose: str) -> None:
    rights = permission_set(purpose)
    for action in rights.actions:
        others = tuple(a for a in rights.actions if a != action)
        result = check([Grant(others, (), rights.data_actions)], [purpose])
        if allows([Grant(others)], action):
            continue  # covered by a wildcard of the same set
        assert result.missing_actions == (action,)
        assert result.lacks[0].purpose == purpose


@pytest.mark.parametrize(
    ("grants", "action", "expected"),
    [
        ([Grant(("*",))], "Microsoft.Compute/disks/read", True),
        ([Grant(("*/read",))], "Microsoft.Compute/disks/read", True),
        ([Grant(("*/read",))], "Microsoft.Compute/disks/write", False),
        ([Grant(("MICROSOFT.compute/DISKS/*",))], "microsoft.Compute/disks/read", True),
        ([Grant(("Microsoft.Compute/*/read",))], "Microsoft.Compute/disks/read", True),
        ([Grant(("*",), ("Microsoft.Compute/disks/*",))], "Microsoft.Compute/disks/read", False),
        (
            [Grant(("*",), ("Microsoft.Compute/disks/*",)), Grant(("*/read",))],
            "Microsoft.Compute/disks/read",
            True,
        ),
        ([Grant(("Microsoft.Compute/disks",))], "Microsoft.Compute/disks/read", False),
        ([Grant(("Microsoft.Compute.disks/read",))], "Microsoft.Compute/disks/read", False),
        ([Grant((), (), ("*",))], "Microsoft.Compute/disks/read", False),
        ([], "Microsoft.Compute/disks/read", False),
    ],
)
def test_what_grants_allow(grants: list[Grant], action: str, expected: bool) -> None:
    assert allows(grants, action) is expected


def test_data_actions_are_told_apart_from_actions() -> None:
    blob_read = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
    assert not allows_data([Grant(("*",))], blob_read)
    assert allows_data([Grant((), (), ("*",))], blob_read)
    assert not allows_data([Grant((), (), ("*",), ("*/blobs/read",))], blob_read)


def test_some_purposes_working_is_a_subset() -> None:
    backup = permission_set("VirtualMachineBackup")
    result = check([Grant(backup.actions)], ["VirtualMachineBackup", "Repository"])
    assert result.sufficiency is Sufficiency.AVAILABLE_SUBSET
    assert result.working_purposes == ("VirtualMachineBackup",)
    assert [lack.purpose for lack in result.lacks] == ["Repository"]


def test_no_rights_at_all_are_insufficient() -> None:
    result = check([], ["AzureFiles"])
    assert result.sufficiency is Sufficiency.INSUFFICIENT
    assert result.missing_actions == permission_set("AzureFiles").actions


def test_unreadable_rights_name_the_right_to_read_them() -> None:
    result = unverifiable(["Repository", "AzureFiles"])
    assert result.sufficiency is Sufficiency.INSUFFICIENT
    assert result.missing_actions == (ROLE_ASSIGNMENTS_READ,)


def test_providers_follow_the_purposes() -> None:
    assert providers_for(("AzureFiles",)) == (
        "Microsoft.Authorization",
        "Microsoft.Resources",
        "Microsoft.Storage",
    )
    assert "Microsoft.Compute" in providers_for(("VirtualMachineBackup",))
