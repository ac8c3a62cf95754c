"""Roles, rights, and who has which (docs/behaviour/accounts-and-users.md §4.2).

The matrix is the whole authorisation: an operation needs one right (`rules/operation_rights.py`),
and a role has it or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Role(Enum):
    """The roles of the contract (`RbacRole`), by their wire value."""

    PORTAL_ADMIN = "PortalAdmin"
    PORTAL_OPERATOR = "PortalOperator"
    RESTORE_OPERATOR = "RestoreOperator"
    READ_ONLY_USER = "ReadOnlyUser"
    INTEGRATION_OPERATOR = "IntegrationOperator"
    UPDATER = "VeeamUpdater"


ASSIGNABLE: Final = frozenset(Role) - {Role.UPDATER}
"""The roles that a user can be given."""


class Right(Enum):
    """What an operation needs. The value says it in words, for the log and for messages."""

    ANY = "be signed in"
    OWN_ACCOUNT = "change the own account"
    DASHBOARD = "see the dashboard"
    RESOURCES = "see discovered resources and protect them by hand"
    POLICIES_READ = "see policies"
    POLICIES_WRITE = "create, change, export, start and stop policies"
    TEMPLATES = "use policy templates"
    PROTECTED_READ = "see protected items and restore points"
    PROTECTED_EXPORT = "export lists of protected items"
    RESTORE = "restore"
    IMPORT_DATA = "import backups"
    REMOVE_DATA = "remove backups and snapshots"
    SESSIONS_READ = "see sessions"
    SESSIONS_STOP = "stop sessions"
    INVENTORY_READ = "see accounts, repositories and the cloud inventory"
    ACCOUNTS_WRITE = "change accounts"
    REPOSITORIES_WRITE = "change repositories"
    USERS = "manage users"
    WORKERS = "manage workers"
    SETTINGS = "change settings of the appliance"
    LICENCE = "manage the licence"
    AUDIT = "read the audit log"


_EVERYBODY = {Right.ANY, Right.OWN_ACCOUNT}
_LOOK = _EVERYBODY | {Right.SESSIONS_READ, Right.PROTECTED_READ}
_READ_ONLY = _LOOK | {Right.DASHBOARD, Right.POLICIES_READ}
_RESTORE = _LOOK | {
    Right.RESTORE,
    Right.SESSIONS_STOP,
    Right.INVENTORY_READ,
    Right.PROTECTED_EXPORT,
}
_OPERATOR = (
    _READ_ONLY
    | _RESTORE
    | {
        Right.RESOURCES,
        Right.POLICIES_WRITE,
        Right.TEMPLATES,
        Right.IMPORT_DATA,
        Right.REMOVE_DATA,
    }
)

RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.PORTAL_ADMIN: frozenset(Right),
    Role.PORTAL_OPERATOR: frozenset(_OPERATOR),
    # Made by the console of a service provider, which does what an operator does.
    Role.INTEGRATION_OPERATOR: frozenset(_OPERATOR),
    Role.RESTORE_OPERATOR: frozenset(_RESTORE),
    Role.READ_ONLY_USER: frozenset(_READ_ONLY),
    Role.UPDATER: frozenset(_EVERYBODY),
}


def may(role: Role, right: Right) -> bool:
    """Whether the role has the right."""
    return right in RIGHTS[role]
