"""The sections `roleDefinitions`, `roleAssignments` and `locks` of a scene."""

import uuid

from azlab.core.arm_checks import LOCK
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    WrongShape,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.rbac import Permission
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.authorization.state import (
    put_assignment,
    put_built_in_roles,
    put_role,
    role_called,
)
from azlab.services.identity.state import application_called, find_user, groups

SECTIONS = ("roleDefinitions", "roleAssignments", "locks")
# Names of what a scene makes are derived from what it says, so that a reset gives the same.
_NAMES = uuid.UUID("6f3f6f0c-5a0a-4a68-9a0e-5d6fb3c0a1f1")


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make the built-in roles, and what the scene adds."""
    put_built_in_roles(tx)
    for role in objects_at(scene, "roleDefinitions"):
        _role(lab, tx, role)
    for one in objects_at(scene, "roleAssignments"):
        _assignment(lab, tx, one)
    for lock in objects_at(scene, "locks"):
        scope, name = text_at(lock, "scope"), text_at(lock, "name")
        level = text_at(lock, "level")
        if level not in ("CanNotDelete", "ReadOnly"):
            raise WrongShape(f"The level of the lock '{name}' is not CanNotDelete or ReadOnly.")
        document: JsonObject = {
            "scope": scope,
            "name": name,
            "level": level,
            "notes": text_at(lock, "notes"),
        }
        tx.put(LOCK, f"{scope} {name}".lower(), document)


def _role(lab: Lab, tx: Transaction, role: JsonObject) -> None:
    name = text_at(role, "name")
    permission = Permission(
        tuple(texts_at(role, "actions")),
        tuple(texts_at(role, "notActions")),
        tuple(texts_at(role, "dataActions")),
        tuple(texts_at(role, "notDataActions")),
    )
    scopes: list[JsonValue] = list(texts_at(role, "assignableScopes")) or ["/"]
    put_role(
        lab,
        tx,
        str(uuid.uuid5(_NAMES, f"role {name}")),
        {
            "roleName": name,
            "type": "CustomRole",
            "description": text_at(role, "description"),
            "assignableScopes": scopes,
            "permissions": [permission.to_json()],
        },
    )


def _assignment(lab: Lab, tx: Transaction, one: JsonObject) -> None:
    principal_id, kind = _principal(tx, one)
    role = role_called(tx, text_at(one, "role"))
    if role is None:
        raise WrongShape(f"No role is called '{text_at(one, 'role')}'.")
    scope = text_at(one, "scope") or "/"
    name = str(uuid.uuid5(_NAMES, f"{principal_id} {role} {scope.lower()}"))
    put_assignment(lab, tx, name, scope, principal_id, role, kind)


def _principal(tx: Transaction, one: JsonObject) -> tuple[str, str]:
    """Who is named: an `application`, a `user` (principal name) or a `group` (name)."""
    if name := text_at(one, "user"):
        user = find_user(tx, name)
        if user is None:
            raise WrongShape(f"Nobody is called '{name}'.")
        return user.id, "User"
    if name := text_at(one, "group"):
        found = next((group for group in groups(tx) if group.name == name), None)
        if found is None:
            raise WrongShape(f"No group is called '{name}'.")
        return found.id, "Group"
    application = application_called(tx, text_at(one, "application"))
    if application is None:
        raise WrongShape(f"No application is called '{text_at(one, 'application')}'.")
    return application.object_id, "ServicePrincipal"
