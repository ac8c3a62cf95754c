"""Errors as Graph writes them."""

from azlab.core.http import HttpError, Request, Response, json_response
from azlab.core.json_types import JsonObject


class GraphError(HttpError):
    """One error of Graph."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def to_response(self, request: Request) -> Response:
        """The JSON that clients read."""
        return render_error(request, self.status, self.code, self.message)


def render_error(request: Request, status: int, code: str, message: str) -> Response:
    """`error` with the ids of the request in `innerError`."""
    inner: JsonObject = {
        "date": f"{request.now:%Y-%m-%dT%H:%M:%S}",
        "request-id": request.request_id,
        "client-request-id": request.headers.get("client-request-id") or request.request_id,
    }
    error: JsonObject = {"code": code, "message": message, "innerError": inner}
    headers = {"request-id": request.request_id}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return json_response(status, {"error": error}, headers)


def denied() -> GraphError:
    """The token has no permission for it, or the person has not."""
    return GraphError(
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
    )


def not_found(object_id: str) -> GraphError:
    """No such object."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects "
        "are not present.",
    )


def bad_request(message: str) -> GraphError:
    """Something in the request makes no sense."""
    return GraphError(400, "Request_BadRequest", message)


def unsupported_query(message: str) -> GraphError:
    """A query option that Graph, or the lab, does not understand."""
    return GraphError(400, "Request_UnsupportedQuery", message)
