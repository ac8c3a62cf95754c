"""Roles made ready for Azure."""

import re

from kyanite.rules.custom_role import CustomRole, custom_role
from kyanite.rules.permission_sets import ALL_PURPOSES

SCOPE = "/subscriptions/1f6d2c3b-8a4e-4f5d-9b7a-6c5d4e3f2a01"


def test_every_right_is_named_once_whatever_its_case() -> None:
    role = custom_role(ALL_PURPOSES, "all", [SCOPE])
    assert (len(role.actions), len(role.data_actions)) == (173, 10)
    assert len({action.lower() for action in role.actions}) == 173
    assert list(role.actions) == sorted(role.actions, key=str.lower)


def test_the_file_is_what_the_resource_manager_takes() -> None:
    role = custom_role(["AzureFiles"], "files", [SCOPE])
    assert role.to_properties()["permissions"] == [role.permissions()]
    assert role.to_json()["permissions"] == [role.permissions()]
    assert role.to_json()["assignableScopes"] == [SCOPE]
    assert role.to_properties()["type"] == "CustomRole"


def test_names_are_cut_to_what_azure_takes() -> None:
    assert len(custom_role(["AzureFiles"], "x" * 300, [SCOPE]).name) == 128


def test_nothing_in_a_name_ends_a_text_of_the_script() -> None:
    nasty = "a'; Remove-Item \u2019 $(x) `n"
    script = CustomRole(nasty, "d", ("A/read",), (), (SCOPE,)).to_powershell()
    quoted = nasty.replace("'", "''").replace("\u2019", "\u2019\u2019")
    assert script.count(f"'{quoted}'") == 3
    assert "$role.DataActions = @()" in script
    without = re.sub(r"'(?:[^'\u2019]|''|\u2019\u2019)*'", "", script)
    assert "Remove-Item" not in without
