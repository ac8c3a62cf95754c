"""The two URLs at which clients ask how a long-running operation is getting on."""

from azlab.core.arm import ArmCall, ArmError
from azlab.core.http import Response, json_response
from azlab.core.operations import Operation, status_body
from azlab.core.service import Lab

_BASE = "/subscriptions/{subscription}/providers/{namespace}/locations/{location}"


def register(lab: Lab) -> None:
    """Add the routes; every provider's operations are answered here."""
    for word, handler in (("operations", _status), ("operationResults", _result)):
        lab.arm.route(
            "GET",
            f"{_BASE}/{word}/{{operation}}",
            handler,
            operation=f"{word}.get",
            action=None,
            api_versions=(),
            service="operations",
            note="any valid token of the tenant may ask",
        )


def _find(call: ArmCall) -> Operation:
    name = call.params["operation"]
    found = call.lab.operations.find(call.tx, name)
    if found is None or found.subscription.lower() != call.id.subscription.lower():
        raise ArmError(404, "OperationNotFound", f"The operation '{name}' was not found.")
    return found


def _status(call: ArmCall) -> Response:
    operation = _find(call)
    headers: dict[str, str] = {}
    if operation.status == "InProgress":
        headers["Retry-After"] = str(call.lab.settings.retry_after_seconds)
    return json_response(200, status_body(operation, call.request.path), headers)


def _result(call: ArmCall) -> Response:
    operation = _find(call)
    if operation.status == "InProgress":
        headers = {
            "Location": call.request.url,
            "Retry-After": str(call.lab.settings.retry_after_seconds),
        }
        return Response(202, headers)
    if operation.status == "Failed":
        error = operation.error
        raise ArmError(operation.error_status, str(error["code"]), str(error["message"]))
    if operation.output is None:
        return Response(204)
    return json_response(200, operation.output)
