"""The token service of a machine (IMDS): the managed identity of whatever runs beside the lab.

The scene says which application stands for it (`machineIdentity`). Answered over plain HTTP, only
with the header `Metadata: true`, as 169.254.169.254 does.
"""

from functools import partial

from azlab.core.http import HttpError, Request, Response, json_response
from azlab.core.json_types import JsonObject, text_at
from azlab.core.routing import Router
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.core.tokens import Principal
from azlab.services.identity import audiences
from azlab.services.identity.state import find_application

_KIND = _KEY = "machineIdentity"
_TOKEN_SECONDS = 86_400


class ImdsError(HttpError):
    """An error of the token service."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message

    def to_response(self, request: Request) -> Response:
        """`error` and `error_description`."""
        return render_error(request, self.status, self.error, self.message)


def render_error(request: Request, status: int, code: str, message: str) -> Response:  # noqa: ARG001
    """As the token service words errors."""
    return json_response(status, {"error": code, "error_description": message})


def put_machine_identity(tx: Transaction, client_id: str) -> None:
    """Let an application be the identity of the machine."""
    tx.put(_KIND, _KEY, {"clientId": client_id})


def register(lab: Lab) -> None:
    """Add the route to the port `imds`."""
    router = Router("imds", render_error, ignore_case=True)
    lab.routers["imds"] = router
    router.add(
        "GET",
        "/metadata/identity/oauth2/token",
        partial(_token, lab),
        operation="ManagedIdentityToken",
        api_versions=("2018-02-01",),
        note="one identity for everybody on this machine, named by the scene",
    )


def _token(lab: Lab, request: Request) -> Response:
    if request.headers.get("metadata").lower() != "true":
        raise ImdsError(400, "bad_request_102", "Required metadata header not specified")
    resource = request.query.text("resource")
    if not resource or not audiences.is_known(lab, resource):
        raise ImdsError(400, "invalid_resource", f"The resource '{resource}' is not known.")
    with lab.state.transaction() as tx:
        named = tx.get(_KIND, _KEY) or {}
        application = find_application(tx, text_at(named, "clientId"))
    wanted = request.query.text("client_id")
    if application is None or (wanted and wanted.lower() != application.client_id.lower()):
        raise ImdsError(400, "invalid_request", "Identity not found")
    roles = application.graph_roles if audiences.is_graph(lab, resource) else ()
    principal = Principal(
        application.object_id, application.client_id, lab.tenant_id, roles=frozenset(roles)
    )
    expires = int(request.now.timestamp()) + _TOKEN_SECONDS
    body: JsonObject = {
        "access_token": lab.tokens.issue(principal, resource, _TOKEN_SECONDS),
        "client_id": application.client_id,
        "expires_in": str(_TOKEN_SECONDS),
        "expires_on": str(expires),
        "not_before": str(int(request.now.timestamp())),
        "resource": resource,
        "token_type": "Bearer",
    }
    return json_response(200, body)
