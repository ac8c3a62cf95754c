"""What a service account may do in a subscription.

Roles assigned to it (directly, through groups, or above the subscription) are read with
their definitions. An account with no more than the documented rights may read its
assignments but not every definition; then Azure is asked for the account's own effective
permissions, which needs no right of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.azure.arm import ArmClient
from kyanite.base.errors import Denied, Gone, Rejected
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, as_texts, dig


@dataclass(frozen=True)
class Permission:
    """One entry: allowed is what matches ``actions`` and not ``not_actions``; ``*`` anywhere."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...]

    @classmethod
    def from_json(cls, entry: JsonObject) -> Permission:
        """Read an entry of a role definition or of the permissions list."""
        return cls(
            as_texts(entry.get("actions")),
            as_texts(entry.get("notActions")),
            as_texts(entry.get("dataActions")),
            as_texts(entry.get("notDataActions")),
        )


def effective_permissions(arm: ArmClient, subscription_id: str) -> list[Permission]:
    """Everything the account was granted that applies to the whole subscription.

    An action is allowed when one entry allows it. Raises ``Denied`` when the account may
    not even read its own assignments, and Azure does not tell its permissions either.
    """
    scope = f"/subscriptions/{subscription_id}"
    try:
        return _from_assignments(arm, scope)
    except Denied as denied:
        try:
            return [
                Permission.from_json(entry)
                for entry in arm.list(f"{scope}/providers/Microsoft.Authorization/permissions")
            ]
        except (Denied, Gone, Rejected):
            raise denied from None


def _from_assignments(arm: ArmClient, scope: str) -> list[Permission]:
    object_id = arm.login.object_id()
    assignments = arm.list(
        f"{scope}/providers/Microsoft.Authorization/roleAssignments",
        {"$filter": f"assignedTo('{object_id}')"},
    )
    definitions = {
        as_text(dig(assignment, "properties", "roleDefinitionId"))
        for assignment in assignments
        if _covers(as_text(dig(assignment, "properties", "scope")), scope)
    }
    return [
        Permission.from_json(as_object(entry))
        for definition_id in sorted(definitions)
        for entry in as_list(dig(arm.get(definition_id), "properties", "permissions"))
    ]


def _covers(assigned: str, scope: str) -> bool:
    """Whether an assignment holds for all of ``scope``: made there, or above it.

    Above a subscription are the root and management groups, whose ids do not show that;
    Azure lists only those that apply.
    """
    lowered = assigned.rstrip("/").lower()
    return lowered in ("", scope.lower()) or lowered.startswith(
        "/providers/microsoft.management/managementgroups/"
    )
