"""Entra ID's errors: OAuth codes with an AADSTS text, as the token endpoint sends them."""

import uuid
from datetime import datetime

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


def malformed_assertion() -> EntraError:
    """No JSON web token, or one of somebody else."""
    return EntraError(
        401,
        "invalid_client",
        50027,
        "JWT token is invalid or malformed: the client assertion cannot be read, or its issuer "
        "and subject are not the application.",
    )


def unknown_certificate(thumbprint: str) -> EntraError:
    """Signed with a key that the application does not have."""
    return EntraError(
        401,
        "invalid_client",
        700027,
        "Client assertion contains an invalid signature. [Reason - The key was not found., "
        f"Thumbprint of key used by client: '{thumbprint}'].",
    )


def expired_certificate(thumbprint: str) -> EntraError:
    """Signed with a certificate whose time is over."""
    return EntraError(
        401,
        "invalid_client",
        700027,
        "The certificate used to sign the client assertion is expired on application. "
        f"[Reason - The key used is expired., Thumbprint of key used by client: '{thumbprint}'].",
    )


def wrong_signature() -> EntraError:
    """The signature does not fit the key it names."""
    return EntraError(
        401,
        "invalid_client",
        700027,
        "Client assertion failed signature validation.",
    )


def wrong_assertion_audience(audience: str) -> EntraError:
    """Made for another service."""
    return EntraError(
        401,
        "invalid_client",
        700023,
        f"Client assertion audience claim does not match Realm issuer: '{audience}'.",
    )


def assertion_out_of_time(now: datetime) -> EntraError:
    """The clocks differ, or the assertion is an old one."""
    return EntraError(
        401,
        "invalid_client",
        700024,
        "Client assertion is not within its valid time range. "
        f"Current time: {now:%Y-%m-%dT%H:%M:%SZ}.",
    )


def expired_secret(client_id: str) -> EntraError:
    """The time of the secret is over."""
    return EntraError(
        401,
        "invalid_client",
        7000222,
        f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure "
        "portal to create new keys for your app.",
    )


def no_service_principal(client_id: str, directory: str) -> EntraError:
    """The application exists, but nothing stands for it in the tenant."""
    return EntraError(
        401,
        "unauthorized_client",
        7000229,
        f"The client application {client_id} is missing service principal in the tenant "
        f"{directory}.",
    )


def authorization_pending() -> EntraError:
    """The person has not finished signing in; ask again after the interval."""
    return EntraError(
        400,
        "authorization_pending",
        70016,
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    )


def authorization_declined() -> EntraError:
    """The person has said no."""
    return EntraError(
        400, "authorization_declined", 70018, "The end user denied the authorization request."
    )


def expired_code() -> EntraError:
    """The device code is too old."""
    return EntraError(
        400, "expired_token", 70020, "The provided value for the input parameter is expired."
    )


def bad_code() -> EntraError:
    """No device code of this application, or one that was used already."""
    return EntraError(
        400,
        "invalid_grant",
        70000,
        "The provided value for the input parameter 'device_code' or 'refresh_token' is not valid.",
    )


def second_factor_wanted() -> EntraError:
    """The person has to sign in again, with a second factor."""
    return EntraError(
        400,
        "interaction_required",
        50076,
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must use multi-factor authentication to access the resource.",
    )


def disabled_user() -> EntraError:
    """The account of the person is switched off."""
    return EntraError(400, "invalid_grant", 50057, "The user account is disabled.")


def consent_wanted(scope: str, client_id: str) -> EntraError:
    """Nobody has allowed the application to do that for people."""
    return EntraError(
        400,
        "invalid_grant",
        65001,
        f"The user or administrator has not consented to use the application with ID "
        f"'{client_id}' for '{scope}'. Send an interactive authorization request.",
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
