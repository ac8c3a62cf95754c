"""Roles, assignments and locks in the state.

A role definition is stored under its lower-case id with what the API shows; an assignment under
its name with `scope`, `principalId`, `roleId` and what the API shows. Whoever writes one calls
`lab.rbac.changed()` in the same transaction.
"""

from azlab.core.arm_checks import LOCK
from azlab.core.clock import iso
from azlab.core.json_types import JsonObject, JsonValue, text_at
from azlab.core.rbac import ROLE_ASSIGNMENT, ROLE_DEFINITION
from azlab.core.resource_ids import contains
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.authorization.built_in_roles import BUILT_IN_ROLES


def put_built_in_roles(tx: Transaction) -> None:
    """Make the roles that every tenant has."""
    for role in BUILT_IN_ROLES:
        tx.put(
            ROLE_DEFINITION,
            role.id,
            {
                "id": role.id,
                "roleName": role.name,
                "type": "BuiltInRole",
                "description": f"The built-in role {role.name}.",
                "assignableScopes": ["/"],
                "permissions": [role.permission.to_json()],
            },
        )


def put_role(lab: Lab, tx: Transaction, role_id: str, role: JsonObject) -> None:
    """Create or change a custom role."""
    tx.put(ROLE_DEFINITION, role_id.lower(), {**role, "id": role_id.lower()})
    lab.rbac.changed()


def role_called(tx: Transaction, name_or_id: str) -> str | None:
    """The id of the role with this name or id."""
    for key, role in tx.list(ROLE_DEFINITION):
        if name_or_id.lower() in (key, text_at(role, "roleName").lower()):
            return key
    return None


def put_assignment(
    lab: Lab,
    tx: Transaction,
    name: str,
    scope: str,
    principal_id: str,
    role_id: str,
    principal_type: str = "ServicePrincipal",
) -> JsonObject:
    """Give a role to a principal at a scope; the stored document."""
    now = iso(lab.clock.now())
    document: JsonObject = {
        "name": name,
        "scope": "/" + scope.strip("/"),
        "principalId": principal_id,
        "principalType": principal_type,
        "roleId": role_id.lower(),
        "createdOn": now,
        "updatedOn": now,
    }
    tx.put(ROLE_ASSIGNMENT, name.lower(), document)
    lab.rbac.changed()
    return document


def forget_scope(lab: Lab, tx: Transaction, scope: str) -> None:
    """Drop assignments and locks at or below a scope that is going away."""
    for kind in (ROLE_ASSIGNMENT, LOCK):
        for key, document in tx.list(kind):
            if contains(scope, text_at(document, "scope")):
                tx.delete(kind, key)
    lab.rbac.changed()


def forget_principal(lab: Lab, tx: Transaction, object_id: str) -> None:
    """Drop the assignments of a principal that is going away."""
    for key, document in tx.list(ROLE_ASSIGNMENT):
        if text_at(document, "principalId").lower() == object_id.lower():
            tx.delete(ROLE_ASSIGNMENT, key)
    lab.rbac.changed()


def shown_assignment(document: JsonObject) -> JsonObject:
    """As the API shows an assignment."""
    scope, name = text_at(document, "scope"), text_at(document, "name")
    base = "" if scope == "/" else scope
    return {
        "id": f"{base}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": _role_path(scope, text_at(document, "roleId")),
            "principalId": text_at(document, "principalId"),
            "principalType": text_at(document, "principalType") or "ServicePrincipal",
            "scope": scope,
            "condition": None,
            "conditionVersion": None,
            "createdOn": text_at(document, "createdOn"),
            "updatedOn": text_at(document, "updatedOn"),
            "createdBy": "",
            "updatedBy": "",
        },
    }


def shown_role(scope: str, role: JsonObject) -> JsonObject:
    """As the API shows a role definition at a scope."""
    role_id = text_at(role, "id")
    properties: dict[str, JsonValue] = {
        name: role.get(name)
        for name in ("roleName", "type", "description", "assignableScopes", "permissions")
    }
    return {
        "id": _role_path(scope, role_id),
        "name": role_id,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": properties,
    }


def _role_path(scope: str, role_id: str) -> str:
    parts = scope.strip("/").split("/")
    base = f"/subscriptions/{parts[1]}" if len(parts) > 1 and parts[0] == "subscriptions" else ""
    return f"{base}/providers/Microsoft.Authorization/roleDefinitions/{role_id}"
