"""Role definitions and role assignments."""

import re
import uuid

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import invalid_parameter
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    object_at,
    text_at,
    texts_at,
)
from azlab.core.rbac import ROLE_ASSIGNMENT, ROLE_DEFINITION, groups_of, read_permissions
from azlab.core.resource_ids import contains
from azlab.core.service import Lab
from azlab.services.authorization.state import (
    put_assignment,
    put_role,
    shown_assignment,
    shown_role,
)
from azlab.services.authorization.versions import ROLES
from azlab.services.identity.state import principal_type
from azlab.services.resources.filters import parse_filter

_PROVIDER = "/providers/Microsoft.Authorization"
_ACTION = "Microsoft.Authorization"
_ASSIGNED_TO = re.compile(r"\s*assignedTo\(\s*'([^']*)'\s*\)\s*", re.IGNORECASE)
_AT_SCOPE = re.compile(r"\s*atScope\(\s*\)\s*", re.IGNORECASE)


def register(lab: Lab) -> None:
    """Add the routes at every scope, and at the root for reading."""
    for method, word, handler, operation, action in (
        ("GET", "roleDefinitions", _list_roles, "list", "read"),
        ("GET", "roleDefinitions/{role}", _get_role, "get", "read"),
        ("PUT", "roleDefinitions/{role}", _put_role, "put", "write"),
        ("DELETE", "roleDefinitions/{role}", _delete_role, "delete", "delete"),
        ("GET", "roleAssignments", _list_assignments, "list", "read"),
        ("GET", "roleAssignments/{assignment}", _get_assignment, "get", "read"),
        ("PUT", "roleAssignments/{assignment}", _put_assignment, "put", "write"),
        ("DELETE", "roleAssignments/{assignment}", _delete_assignment, "delete", "delete"),
    ):
        kind = word.split("/")[0]
        for prefix in ("", "/{scope*}"):
            if not prefix and method != "GET":
                continue
            lab.arm.route(
                method,
                f"{prefix}{_PROVIDER}/{word}",
                handler,
                operation=f"{kind}.{operation}",
                action=f"{_ACTION}/{kind}/{action}",
                api_versions=ROLES,
                queries=("$filter", "$top", "$skiptoken") if operation == "list" else (),
            )


def _list_roles(call: ArmCall) -> Response:
    text = _AT_SCOPE.sub("", call.query("$filter"))
    text = re.sub(r"^\s*and\b|\band\s*$", "", text, flags=re.IGNORECASE)
    wanted = parse_filter(text.strip(), ("roleName", "type"))
    shown = [
        shown_role(call.scope, role)
        for _, role in call.tx.list(ROLE_DEFINITION)
        if wanted.get("rolename", text_at(role, "roleName")) == text_at(role, "roleName")
        and wanted.get("type", text_at(role, "type")).lower() == text_at(role, "type").lower()
        and _assignable(role, call.scope)
    ]
    return call.page(shown)


def _assignable(role: JsonObject, scope: str) -> bool:
    return any(contains(one, scope) for one in texts_at(role, "assignableScopes"))


def _role(call: ArmCall) -> JsonObject:
    role = call.tx.get(ROLE_DEFINITION, call.params["role"].lower())
    if role is None:
        raise _no_role(call.params["role"])
    return role


def _no_role(role_id: str) -> ArmError:
    return ArmError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{role_id}' does not exist.",
    )


def _get_role(call: ArmCall) -> Response:
    return json_response(200, shown_role(call.scope, _role(call)))


def _put_role(call: ArmCall) -> Response:
    role_id = call.params["role"]
    _check_guid(role_id, "role definition")
    asked = object_at(call.json(), "properties")
    known = call.tx.get(ROLE_DEFINITION, role_id.lower())
    if known is not None and text_at(known, "type") == "BuiltInRole":
        raise ArmError(409, "RoleDefinitionIsReadOnly", "Built-in roles cannot be changed.")
    name = text_at(asked, "roleName")
    if not name:
        raise invalid_parameter("properties.roleName", "The role needs a name.")
    scopes: list[JsonValue] = list(texts_at(asked, "assignableScopes")) or [call.scope]
    for key, role in call.tx.list(ROLE_DEFINITION):
        if key != role_id.lower() and text_at(role, "roleName").lower() == name.lower():
            raise ArmError(
                409,
                "RoleDefinitionWithSameNameExists",
                f"A custom role with the same name already exists in this directory: '{name}'.",
            )
    permissions: list[JsonValue] = [entry.to_json() for entry in read_permissions(asked)]
    document: JsonObject = {
        "id": role_id.lower(),
        "roleName": name,
        "type": "CustomRole",
        "description": text_at(asked, "description"),
        "assignableScopes": scopes,
        "permissions": permissions,
    }
    put_role(call.lab, call.tx, role_id, document)
    return json_response(201, shown_role(call.scope, document))


def _delete_role(call: ArmCall) -> Response:
    role_id = call.params["role"].lower()
    role = call.tx.get(ROLE_DEFINITION, role_id)
    if role is None:
        return Response(204)
    if text_at(role, "type") == "BuiltInRole":
        raise ArmError(409, "RoleDefinitionIsReadOnly", "Built-in roles cannot be deleted.")
    if any(text_at(one, "roleId") == role_id for _, one in call.tx.list(ROLE_ASSIGNMENT)):
        raise ArmError(
            400,
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role (code: "
            "RoleDefinitionHasAssignments).",
        )
    call.tx.delete(ROLE_DEFINITION, role_id)
    call.lab.rbac.changed()
    return json_response(200, shown_role(call.scope, role))


def _list_assignments(call: ArmCall) -> Response:
    text = call.query("$filter")
    principal = ""
    at_scope = False
    if found := _ASSIGNED_TO.fullmatch(text):
        principal = found[1]
    elif _AT_SCOPE.fullmatch(text):
        at_scope = True
    else:
        principal = parse_filter(text, ("principalId",)).get("principalid", "")
    principals = {principal.lower()} if principal else set()
    if found:  # assignedTo() counts what groups give; principalId does not
        principals |= groups_of(call.tx, principal)
    shown: list[JsonObject] = []
    for _, one in call.tx.list(ROLE_ASSIGNMENT):
        scope = text_at(one, "scope")
        above = contains(scope, call.scope)
        below = not at_scope and contains(call.scope, scope)
        if (above or below) and (
            not principals or text_at(one, "principalId").lower() in principals
        ):
            shown.append(shown_assignment(one))
    return call.page(shown)


def _assignment(call: ArmCall) -> JsonObject | None:
    found = call.tx.get(ROLE_ASSIGNMENT, call.params["assignment"].lower())
    if found is None or text_at(found, "scope").lower() != call.scope.lower():
        return None
    return found


def _get_assignment(call: ArmCall) -> Response:
    found = _assignment(call)
    if found is None:
        raise ArmError(
            404,
            "RoleAssignmentNotFound",
            f"The role assignment '{call.params['assignment']}' is not found.",
        )
    return json_response(200, shown_assignment(found))


def _put_assignment(call: ArmCall) -> Response:
    name = call.params["assignment"]
    _check_guid(name, "role assignment")
    asked = object_at(call.json(), "properties")
    if text_at(asked, "condition"):
        raise ArmError(501, "NotImplemented", "The lab does not evaluate conditions of roles.")
    principal_id = text_at(asked, "principalId")
    role_id = text_at(asked, "roleDefinitionId").rsplit("/", 1)[-1].lower()
    if call.tx.get(ROLE_DEFINITION, role_id) is None:
        raise _no_role(role_id)
    kind = principal_type(call.tx, principal_id)
    if kind is None:
        raise ArmError(
            400,
            "PrincipalNotFound",
            f"Principal {principal_id} does not exist in the directory {call.lab.tenant_id}. "
            "Check that you have the correct principal ID.",
        )
    if (said := text_at(asked, "principalType")) and said.lower() != kind.lower():
        raise ArmError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal_id}' has type '{kind}', which is different from "
            f"specified PrinciaplType '{said}'.",
        )
    same = call.tx.get(ROLE_ASSIGNMENT, name.lower())
    for key, one in call.tx.list(ROLE_ASSIGNMENT):
        if (
            key != name.lower()
            and text_at(one, "scope").lower() == call.scope.lower()
            and text_at(one, "principalId").lower() == principal_id.lower()
            and text_at(one, "roleId") == role_id
        ):
            raise ArmError(
                409,
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the existing role assignment is "
                f"{key.replace('-', '')}.",
            )
    if same is not None and text_at(same, "scope").lower() != call.scope.lower():
        raise ArmError(
            409,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    document = put_assignment(call.lab, call.tx, name, call.scope, principal_id, role_id, kind)
    return json_response(200 if same else 201, shown_assignment(document))


def _delete_assignment(call: ArmCall) -> Response:
    found = _assignment(call)
    if found is None:
        return Response(204)
    call.tx.delete(ROLE_ASSIGNMENT, text_at(found, "name").lower())
    call.lab.rbac.changed()
    return json_response(200, shown_assignment(found))


def _check_guid(text: str, what: str) -> None:
    try:
        uuid.UUID(text)
    except ValueError as error:
        raise ArmError(
            400, "InvalidGuid", f"The {what} ID '{text}' is not valid. It must be a GUID."
        ) from error
