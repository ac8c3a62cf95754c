"""A ready Azure role with the rights that purposes need, as files for people.

docs/behaviour/accounts-and-users.md, sections 1.7 and 3. Actions that the sets spell
differently (``locks/Read``) are named once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.rules.permission_sets import permission_set

_MOST_NAME_CHARACTERS: Final = 128  # of the name of a role in Azure


@dataclass(frozen=True)
class CustomRole:
    """A role definition; its rights are sorted without regard to case."""

    name: str
    description: str
    actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    scopes: tuple[str, ...]
    """Where it can be assigned: ids of subscriptions or groups."""

    def permissions(self) -> JsonObject:
        """The one entry of ``permissions``."""
        return {
            "actions": list[JsonValue](self.actions),
            "notActions": [],
            "dataActions": list[JsonValue](self.data_actions),
            "notDataActions": [],
        }

    def to_properties(self) -> JsonObject:
        """``properties`` of a role definition in the Resource Manager."""
        return {
            "roleName": self.name,
            "type": "CustomRole",
            "description": self.description,
            "assignableScopes": list[JsonValue](self.scopes),
            "permissions": [self.permissions()],
        }

    def to_json(self) -> JsonObject:
        """The file of the export: ``permissions``, with what else a role needs."""
        return {
            "roleName": self.name,
            "description": self.description,
            "assignableScopes": list[JsonValue](self.scopes),
            "permissions": [self.permissions()],
        }

    def to_powershell(self) -> str:
        """A script for Azure PowerShell that creates the role, or changes the one of that name."""
        lines = [
            "# Creates or changes the role, then assigns it. Run it as somebody who may write",
            "# role definitions and assignments (Owner or User Access Administrator):",
            "#   .\\role.ps1 -ApplicationId <id of the application>",
            "param([string] $ApplicationId)",
            "$ErrorActionPreference = 'Stop'",
            f"$role = Get-AzRoleDefinition -Name {_quoted(self.name)}",
            "$isNew = $null -eq $role",
            "if ($isNew) {",
            "    $role = [Microsoft.Azure.Commands.Resources.Models.Authorization."
            "PSRoleDefinition]::new()",
            f"    $role.Name = {_quoted(self.name)}",
            "    $role.IsCustom = $true",
            "}",
            f"$role.Description = {_quoted(self.description)}",
            f"$role.Actions = {_array(self.actions)}",
            "$role.NotActions = @()",
            f"$role.DataActions = {_array(self.data_actions)}",
            "$role.NotDataActions = @()",
            f"$role.AssignableScopes = {_array(self.scopes)}",
            "if ($isNew) { New-AzRoleDefinition -Role $role }",
            "else { Set-AzRoleDefinition -Role $role }",
            "if ($ApplicationId) {",
            "    foreach ($scope in $role.AssignableScopes) {",
            "        New-AzRoleAssignment -ApplicationId $ApplicationId "
            f"-RoleDefinitionName {_quoted(self.name)} -Scope $scope",
            "    }",
            "}",
        ]
        return "\r\n".join(lines) + "\r\n"


def custom_role(purposes: Sequence[str], name: str, scopes: Iterable[str]) -> CustomRole:
    """The role for ``purposes``, assignable at ``scopes``."""
    sets = [permission_set(purpose) for purpose in purposes]
    return CustomRole(
        name=name[:_MOST_NAME_CHARACTERS],
        description=f"What Kyanite needs for: {', '.join(purposes)}."[:1000],
        actions=_once(action for one in sets for action in one.actions),
        data_actions=_once(action for one in sets for action in one.data_actions),
        scopes=tuple(scopes),
    )


def _once(actions: Iterable[str]) -> tuple[str, ...]:
    by_key: dict[str, str] = {}
    for action in actions:
        by_key.setdefault(action.lower(), action)
    return tuple(by_key[key] for key in sorted(by_key))


def _quoted(text: str) -> str:
    """A PowerShell text in which nothing is expanded; typographic quotes end one as well."""
    for quote in ("'", "\u2018", "\u2019", "\u201a", "\u201b"):
        text = text.replace(quote, quote * 2)
    return f"'{text}'"


def _array(values: Sequence[str]) -> str:
    if not values:
        return "@()"
    return "@(\r\n" + ",\r\n".join(f"    {_quoted(one)}" for one in values) + "\r\n)"
