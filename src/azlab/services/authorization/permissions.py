"""What the caller itself may do at a scope, and deny assignments (of which there are none)."""

from azlab.core.arm import ArmCall
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonValue
from azlab.core.service import Lab
from azlab.services.authorization.versions import DENIALS, PERMISSIONS

_BASE = "/{scope*}/providers/Microsoft.Authorization"


def register(lab: Lab) -> None:
    """Add the routes."""
    lab.arm.route(
        "GET", _BASE + "/permissions", _permissions, operation="permissions.list", action=None,
        api_versions=PERMISSIONS,
        note="any principal may ask for itself; answered at subscription scope too",
    )  # fmt: skip
    lab.arm.route(
        "GET", _BASE + "/denyAssignments", _denials, operation="denyAssignments.list",
        action="Microsoft.Authorization/denyAssignments/read", api_versions=DENIALS,
        queries=("$filter",), note="always empty: the lab has no deny assignments",
    )  # fmt: skip


def _permissions(call: ArmCall) -> Response:
    entries = call.lab.rbac.effective(call.principal, call.scope)
    shown: list[JsonValue] = [entry.to_json() for entry in entries]
    return json_response(200, {"value": shown})


def _denials(call: ArmCall) -> Response:
    return call.page([])
