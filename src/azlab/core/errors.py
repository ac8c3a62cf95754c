"""The errors of Azure Resource Manager, each with the code, status and text of the real one."""

from collections.abc import Mapping, Sequence

from azlab.core.http import HttpError, Request, Response, json_response
from azlab.core.json_types import JsonObject, JsonValue


class ArmError(HttpError):
    """An error that ARM answers: `{"error": {"code", "message", "target"?, "details"?}}`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        target: str | None = None,
        details: Sequence[JsonObject] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def to_json(self) -> JsonObject:
        """The inner object, which failed operations show too."""
        body: JsonObject = {"code": self.code, "message": self.message}
        if self.target is not None:
            body["target"] = self.target
        if self.details:
            details: list[JsonValue] = list(self.details)
            body["details"] = details
        return body

    def to_response(self, request: Request) -> Response:  # noqa: ARG002
        """The whole answer."""
        return json_response(self.status, {"error": self.to_json()}, self.headers)


def render_arm_error(request: Request, status: int, code: str, message: str) -> Response:
    """What the server answers by itself on the ARM port (faults, unknown paths)."""
    return with_request_ids(request, ArmError(status, code, message).to_response(request))


def with_request_ids(request: Request, response: Response) -> Response:
    """Put the headers on an answer by which support finds a request."""
    ids = response.headers
    ids["x-ms-request-id"] = request.request_id
    ids["x-ms-correlation-request-id"] = (
        request.headers.get("x-ms-correlation-request-id") or request.request_id
    )
    ids["x-ms-routing-request-id"] = f"LAB:{request.request_id}"
    if request.headers.get("x-ms-return-client-request-id").lower() == "true":
        ids["x-ms-client-request-id"] = request.headers.get("x-ms-client-request-id")
    ids["Cache-Control"] = "no-cache"
    return response


def resource_not_found(type_and_name: str, group: str) -> ArmError:
    """Such as `Microsoft.Compute/disks/d1` in a group."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{type_and_name}' under resource group '{group}' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def group_not_found(name: str) -> ArmError:
    """The resource group does not exist."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def subscription_not_found(subscription: str) -> ArmError:
    """The subscription does not exist."""
    return ArmError(
        404,
        "SubscriptionNotFound",
        f"The subscription '{subscription}' could not be found.",
    )


def missing_api_version() -> ArmError:
    """The query has no api-version."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def invalid_parameter(name: str, message: str) -> ArmError:
    """A member of the body or an argument of the query that the service refuses."""
    return ArmError(400, "InvalidParameter", message, target=name)


def not_simulated(message: str) -> ArmError:
    """Azure knows it, the lab does not; never silently ignored."""
    return ArmError(501, "NotImplemented", message)
