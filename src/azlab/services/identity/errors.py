"""Entra ID's errors: OAuth codes with an AADSTS text, as the token endpoint sends them."""

import uuid

from azlab.core.http import HttpError, Request, Response, json_response
from azlab.core.json_types import JsonObject, JsonValue


class EntraError(HttpError):
    """One error of the directory; `number` is the AADSTS number."""

    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.number = number
        self.message = message

    def to_response(self, request: Request) -> Response:
        """The JSON that OAuth clients read."""
        return render(request, self.status, self.error, self.number, self.message)


def render(request: Request, status: int, error: str, number: int, message: str) -> Response:
    """An error answer with trace and correlation ids, as Entra writes them."""
    trace_id = request.request_id
    correlation_id = request.headers.get("client-request-id") or str(uuid.uuid4())
    timestamp = f"{request.now:%Y-%m-%d %H:%M:%S}Z"
    codes: list[JsonValue] = [number]
    body: JsonObject = {
        "error": error,
        "error_description": (
            f"AADSTS{number}: {message} Trace ID: {trace_id} Correlation ID: {correlation_id} "
            f"Timestamp: {timestamp}"
        ),
        "error_codes": codes,
        "timestamp": timestamp,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
        "error_uri": f"{request.base_url}/error?code={number}",
    }
    return json_response(status, body, {"Cache-Control": "no-store, no-cache"})


def render_error(request: Request, status: int, code: str, message: str) -> Response:
    """What the server answers by itself on the login port (faults, unknown paths)."""
    number = 90033 if status in (429, 503) else 900144
    return render(request, status, code, number, message)


def unknown_tenant(name: str, error: str = "invalid_request") -> EntraError:
    """No such directory; the discovery document calls it `invalid_tenant`."""
    return EntraError(
        400,
        error,
        90002,
        f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are "
        "signing into the correct cloud. Check with your subscription administrator, this may "
        "happen if there are no active subscriptions for the tenant.",
    )


def unknown_application(client_id: str, directory: str) -> EntraError:
    """No application with this id in the directory."""
    return EntraError(
        400,
        "unauthorized_client",
        700016,
        f"Application with identifier '{client_id}' was not found in the directory "
        f"'{directory}'. This can happen if the application has not been installed by the "
        "administrator of the tenant or consented to by any user in the tenant. You may have "
        "sent your authentication request to the wrong tenant.",
    )


def wrong_secret(client_id: str) -> EntraError:
    """The client secret does not fit."""
    return EntraError(
        401,
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the "
        f"client secret value, not the client secret ID, for a secret added to app '{client_id}'.",
    )


def missing_field(name: str) -> EntraError:
    """A form field that the grant needs."""
    return EntraError(
        400,
        "invalid_request",
        900144,
        f"The request body must contain the following parameter: '{name}'.",
    )


def missing_credential() -> EntraError:
    """Neither secret nor assertion."""
    return EntraError(
        401,
        "invalid_client",
        7000216,
        "'client_assertion', 'client_secret' or 'request' is required for the "
        "'client_credentials' grant type.",
    )


def unsupported_grant(grant: str) -> EntraError:
    """A grant the lab does not simulate (or that does not exist)."""
    return EntraError(
        400,
        "unsupported_grant_type",
        70003,
        f"The app requested an unsupported grant type '{grant}'.",
    )


def assertion_not_simulated() -> EntraError:
    """Certificates as credentials are not simulated; said loudly."""
    return EntraError(
        501,
        "not_implemented",
        700027,
        "The lab does not simulate client assertions (certificates); use a client secret.",
    )


def bad_scope(scope: str) -> EntraError:
    """Client credentials take one resource with `/.default`."""
    return EntraError(
        400,
        "invalid_scope",
        1002012,
        f"The provided value for scope {scope} is not valid. Client credential flows must have a "
        "scope value with /.default suffixed to the resource identifier (application ID URI).",
    )


def unknown_resource(resource: str, directory: str) -> EntraError:
    """The audience asked for is nothing the directory knows."""
    return EntraError(
        400,
        "invalid_resource",
        500011,
        f"The resource principal named {resource} was not found in the tenant named "
        f"{directory}. This can happen if the application has not been installed by the "
        "administrator of the tenant or consented to by any user in the tenant. You might have "
        "sent your authentication request to the wrong tenant.",
    )
