"""Role-based access: who may do what where, evaluated per action as Azure does.

Roles and assignments are documents in the state (kinds "roleDefinition", "roleAssignment"), put
there by the authorization service and by scenes. An action is granted when any assignment at the
scope or above it has a permission entry whose `actions` match and whose `notActions` do not; an
action that one entry refuses may be granted by another.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from azlab.core.json_types import JsonObject, JsonValue, objects_at, text_at, texts_at
from azlab.core.resource_ids import contains
from azlab.core.state import State, Transaction
from azlab.core.tokens import Principal

ROLE_DEFINITION, ROLE_ASSIGNMENT = "roleDefinition", "roleAssignment"
GROUP = "directoryGroup"
"""Groups of the directory, by id, with the object ids of their `members`."""


@dataclass(frozen=True)
class Permission:
    """One entry of a role."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def grants(self, action: str, *, data: bool) -> bool:
        """Whether this entry alone gives the action."""
        yes = self.data_actions if data else self.actions
        no = self.not_data_actions if data else self.not_actions
        return _any_matches(yes, action) and not _any_matches(no, action)

    def to_json(self) -> JsonObject:
        """As role definitions and the permissions call show it."""
        return {
            "actions": _texts(self.actions),
            "notActions": _texts(self.not_actions),
            "dataActions": _texts(self.data_actions),
            "notDataActions": _texts(self.not_data_actions),
        }


@dataclass(frozen=True)
class Grant:
    """A permission at a scope (a resource id, or `/`)."""

    scope: str
    permission: Permission


class Rbac:
    """Answers for principals; remembers what it has read until `changed` is called."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._grants: dict[str, tuple[Grant, ...]] = {}

    def changed(self) -> None:
        """A role or an assignment was written (call it inside the transaction)."""
        self._grants.clear()

    def allowed(self, principal: Principal, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether the principal may do `action` at `scope`; `data` for dataActions.

        Actions are such as `Microsoft.Compute/disks/read`; wildcards stand in the roles only.
        """
        return any(
            grant.permission.grants(action, data=data)
            for grant in self._of(principal.object_id)
            if contains(grant.scope, scope)
        )

    def allowed_below(self, principal: Principal, action: str, scope: str) -> bool:
        """Whether the action is granted anywhere inside `scope`: such lists show a part."""
        return any(
            contains(scope, grant.scope) and grant.permission.grants(action, data=False)
            for grant in self._of(principal.object_id)
        )

    def has_access(self, principal: Principal, scope: str) -> bool:
        """Whether the principal has any role at, above or inside the scope."""
        return any(
            contains(grant.scope, scope) or contains(scope, grant.scope)
            for grant in self._of(principal.object_id)
        )

    def effective(self, principal: Principal, scope: str) -> list[Permission]:
        """The permission entries that count at `scope`, for the permissions call."""
        return [
            grant.permission
            for grant in self._of(principal.object_id)
            if contains(grant.scope, scope)
        ]

    def _of(self, object_id: str) -> tuple[Grant, ...]:
        known = self._grants.get(object_id)
        if known is not None:
            return known
        # Filled inside a transaction: no change can lie between reading and remembering.
        with self._state.transaction() as tx:
            grants = self._grants[object_id] = _read_grants(tx, object_id)
        return grants


def groups_of(tx: Transaction, object_id: str) -> frozenset[str]:
    """The ids (lower case) of the groups a principal is in, directly or through other groups."""
    members = {
        key: {one.lower() for one in texts_at(group, "members")} for key, group in tx.list(GROUP)
    }
    found: set[str] = set()
    new = {object_id.lower()}
    while new:
        new = {key for key, inside in members.items() if inside & new} - found
        found |= new
    return frozenset(found)


def _read_grants(tx: Transaction, object_id: str) -> tuple[Grant, ...]:
    grants: list[Grant] = []
    holders = {object_id.lower(), *groups_of(tx, object_id)}
    for _, assignment in tx.list(ROLE_ASSIGNMENT):
        if text_at(assignment, "principalId").lower() not in holders:
            continue
        role = tx.get(ROLE_DEFINITION, text_at(assignment, "roleId"))
        scope = text_at(assignment, "scope")
        grants += [Grant(scope, entry) for entry in read_permissions(role or {})]
    return tuple(grants)


def read_permissions(role: JsonObject) -> list[Permission]:
    """The permission entries of a role definition's properties."""
    return [
        Permission(
            tuple(texts_at(entry, "actions")),
            tuple(texts_at(entry, "notActions")),
            tuple(texts_at(entry, "dataActions")),
            tuple(texts_at(entry, "notDataActions")),
        )
        for entry in objects_at(role, "permissions")
    ]


def _texts(values: tuple[str, ...]) -> list[JsonValue]:
    return list(values)


def _any_matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(_compiled(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE)
