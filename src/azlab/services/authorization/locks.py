"""Management locks; the checks before every ARM call honour them."""

from azlab.core.arm import ArmCall, ArmError
from azlab.core.arm_checks import LOCK
from azlab.core.errors import invalid_parameter
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, object_at, text_at
from azlab.core.resource_ids import contains
from azlab.core.service import Lab
from azlab.services.authorization.versions import LOCKS
from azlab.services.resources.filters import parse_filter

_MANY = "/{scope*}/providers/Microsoft.Authorization/locks"
_ONE = _MANY + "/{lock}"


def register(lab: Lab) -> None:
    """Add the routes."""
    for method, path, handler, verb, action in (
        ("GET", _MANY, _list, "list", "read"),
        ("GET", _ONE, _get, "get", "read"),
        ("PUT", _ONE, _put, "put", "write"),
        ("DELETE", _ONE, _delete, "delete", "delete"),
    ):
        lab.arm.route(
            method,
            path,
            handler,
            operation=f"locks.{verb}",
            action=f"Microsoft.Authorization/locks/{action}",
            api_versions=LOCKS,
            queries=("$filter", "$top", "$skiptoken") if verb == "list" else (),
        )


def _key(call: ArmCall) -> str:
    return f"{call.scope} {call.params['lock']}".lower()


def _shown(lock: JsonObject) -> JsonObject:
    scope, name = text_at(lock, "scope"), text_at(lock, "name")
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/locks/{name}",
        "name": name,
        "type": "Microsoft.Authorization/locks",
        "properties": {"level": text_at(lock, "level"), "notes": text_at(lock, "notes")},
    }


def _list(call: ArmCall) -> Response:
    """At the scope and everywhere inside it; with `atScope()` only there and above."""
    text = call.query("$filter").strip()
    at_scope = text.lower() == "atscope()"
    if not at_scope:
        parse_filter(text, ())
    return call.page(
        _shown(lock)
        for _, lock in call.tx.list(LOCK)
        if contains(text_at(lock, "scope"), call.scope)
        or (not at_scope and contains(call.scope, text_at(lock, "scope")))
    )


def _get(call: ArmCall) -> Response:
    lock = call.tx.get(LOCK, _key(call))
    if lock is None:
        raise ArmError(404, "LockNotFound", f"The lock '{call.params['lock']}' could not be found.")
    return json_response(200, _shown(lock))


def _put(call: ArmCall) -> Response:
    asked = object_at(call.json(), "properties")
    level = text_at(asked, "level")
    if level not in ("CanNotDelete", "ReadOnly"):
        raise invalid_parameter("properties.level", f"The lock level '{level}' is invalid.")
    known = call.tx.get(LOCK, _key(call))
    lock: JsonObject = {
        "scope": call.scope,
        "name": call.params["lock"],
        "level": level,
        "notes": text_at(asked, "notes"),
    }
    call.tx.put(LOCK, _key(call), lock)
    return json_response(200 if known else 201, _shown(lock))


def _delete(call: ArmCall) -> Response:
    return Response(200 if call.tx.delete(LOCK, _key(call)) else 204)
