"""Roles, rights, and who has which (docs/behaviour/accounts-and-users.md §4.2).

The matrix is the whole authorisation: an operation names one right, a role has it or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kyanite.base.errors import Forbidden


class Role(Enum):
    """The roles of the contract (`RbacRole`), by their wire value."""

    PORTAL_ADMIN = "PortalAdmin"
    PORTAL_OPERATOR = "PortalOperator"
    RESTORE_OPERATOR = "RestoreOperator"
    READ_ONLY_USER = "ReadOnlyUser"
    INTEGRATION_OPERATOR = "IntegrationOperator"
    UPDATER = "VeeamUpdater"


class Right(Enum):
    """What an operation needs. The value says it in words, for the log and for messages."""

    ANY = "be signed in"
    DASHBOARD = "see the dashboard"
    RESOURCES = "see discovered resources and protect them by hand"
    POLICIES_READ = "see policies"
    POLICIES_WRITE = "create, change, start and stop policies"
    PROTECTED_READ = "see protected items and restore points"
    RESTORE = "restore"
    REMOVE_DATA = "remove backups and snapshots"
    SESSIONS_READ = "see sessions"
    SESSIONS_STOP = "stop sessions"
    INVENTORY_READ = "see accounts, repositories and the cloud inventory"
    ACCOUNTS_WRITE = "change accounts"
    REPOSITORIES_WRITE = "change repositories"
    USERS = "manage users"
    WORKERS = "manage workers"
    SETTINGS = "change settings of the appliance"


_LOOK = {Right.ANY, Right.SESSIONS_READ, Right.PROTECTED_READ}
_READ_ONLY = _LOOK | {Right.DASHBOARD, Right.POLICIES_READ}
_RESTORE = _LOOK | {Right.RESTORE, Right.SESSIONS_STOP, Right.INVENTORY_READ}
_OPERATOR = _READ_ONLY | _RESTORE | {Right.RESOURCES, Right.POLICIES_WRITE, Right.REMOVE_DATA}

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.PORTAL_ADMIN: frozenset(Right),
    Role.PORTAL_OPERATOR: frozenset(_OPERATOR),
    # Made by the console of a service provider, which does what an operator does.
    Role.INTEGRATION_OPERATOR: frozenset(_OPERATOR),
    Role.RESTORE_OPERATOR: frozenset(_RESTORE),
    Role.READ_ONLY_USER: frozenset(_READ_ONLY),
    Role.UPDATER: frozenset({Right.ANY}),
}


@dataclass(frozen=True)
class Principal:
    """Who sent the request. `session_id` names the sign-in that the token came from."""

    user_id: str
    username: str
    role: Role
    session_id: str

    @property
    def is_administrator(self) -> bool:
        return self.role is Role.PORTAL_ADMIN

    def require(self, right: Right) -> None:
        """Raise Forbidden unless the role has the right."""
        if right not in RIGHTS[self.role]:
            raise Forbidden(f"The role {self.role.value} does not allow to {right.value}.")
