"""Errors as problem documents. The only file that knows which error is which status.

Members by status as docs/behaviour/api-conventions.md §10 declares them; members that a status
does not declare are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kyanite.base import errors
from kyanite.base.json_types import JsonValue
from kyanite.contract.operation import Operation
from kyanite.http.shapes import MOST_ERRORS
from kyanite.http.trace import trace_id

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_RFC = "https://tools.ietf.org/html/rfc9110#section-"

# Most special first: the first class that an error is an instance of decides.
_STATUSES: tuple[tuple[type[errors.KyaniteError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.UnsupportedMediaType, 415),
    (errors.PointLocked, 423),
    (errors.TooManyAttempts, 429),
    # What Azure or a storage refuses is the caller's to mend (credentials, names, rights).
    (errors.AzureError, 424),
    (errors.StorageError, 424),
    (errors.WrongKey, 400),
    (errors.EngineError, 424),
)

_TITLES: dict[int, tuple[str, str]] = {
    400: ("15.5.1", "One or more validation errors occurred."),
    401: ("15.5.2", "Unauthorized"),
    403: ("15.5.4", "Forbidden"),
    404: ("15.5.5", "Not Found"),
    405: ("15.5.6", "Method Not Allowed"),
    409: ("15.5.10", "Conflict"),
    415: ("15.5.16", "Unsupported Media Type"),
    500: ("15.6.1", "An error occurred while processing the request."),
    503: ("15.6.4", "Service Unavailable"),
}
_OTHER_TITLES = {
    423: ("https://tools.ietf.org/html/rfc4918#section-11.3", "Locked"),
    424: ("https://tools.ietf.org/html/rfc4918#section-11.4", "Failed Dependency"),
    429: ("https://tools.ietf.org/html/rfc6585#section-4", "Too Many Requests"),
}

# What is missing or forbidden now may be there or allowed a moment later.
_NO_STORE = {"Cache-Control": "no-store"}

_ALL = ("type", "title", "status", "detail", "instance", "traceId")
_MEMBERS: dict[int, tuple[str, ...]] = {
    400: ("type", "title", "status", "detail", "errors", "traceId"),
    401: ("type", "title", "status", "detail", "extensions"),
    403: ("type", "title", "status", "extensions", "licenseAgreementAcceptanceRequired"),
    409: (*_ALL, "resourceId", "sessionId"),
    415: ("type", "title", "status", "traceId"),
    429: ("status", "title", "traceId", "detail"),
}
# The order in which members stand in a document.
_ORDER = (
    *("type", "title", "status", "detail", "instance", "errors", "traceId", "extensions"),
    *("licenseAgreementAcceptanceRequired", "resourceId", "sessionId"),
)


def status_of(error: errors.KyaniteError) -> int:
    """The status an error is answered with; 500 for what is nobody's input."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def document(
    status: int,
    detail: str,
    *,
    instance: str,
    trace: str,
    facts: Mapping[str, object],
    members: Sequence[str] = (),
) -> dict[str, JsonValue]:
    """A problem document with exactly the members declared for the status.

    `members`: those that this operation declares, where that is not what the others do.
    """
    section, title = _TITLES.get(status, ("", ""))
    uri = _RFC + section
    if status in _OTHER_TITLES:
        uri, title = _OTHER_TITLES[status]
    everything: dict[str, object] = {
        "type": uri,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "traceId": trace,
        "extensions": None,
        "errors": {},
        "licenseAgreementAcceptanceRequired": False,
        "resourceId": None,
        "sessionId": None,
    } | dict(facts)
    kept: dict[str, JsonValue] = orjson.loads(
        orjson.dumps({name: everything[name] for name in members or _MEMBERS.get(status, _ALL)})
    )
    return kept


def of_error(
    error: errors.KyaniteError, *, instance: str, trace: str, members: Sequence[str] = ()
) -> dict[str, JsonValue]:
    """The problem document of an error, as an answer or inside an operation."""
    facts: dict[str, object] = {}
    if isinstance(error, errors.Invalid):
        facts["errors"] = error.errors
    if isinstance(error, errors.Conflict):
        facts |= {"resourceId": error.resource_id, "sessionId": error.session_id}
    status = status_of(error)
    detail = str(error) if status < 500 else "The appliance failed; its log says why."
    return document(status, detail, instance=instance, trace=trace, facts=facts, members=members)


def member_name(location: Sequence[int | str]) -> str:
    """`("body", "regions", 0, "regionId")` → `regions[0].regionId`."""
    name = ""
    for part in location[1:]:
        name += f"[{part}]" if isinstance(part, int) else ("." if name else "") + part
    return name or str(location[0] if location else "body")


def _declared_members(request: Request, status: int) -> Sequence[str]:
    """The members of the problem document that the operation declares for a status, if any.

    Signing in has its own 401, and the lists inside a session their own 400.
    """
    operation = getattr(request.scope.get("kyanite.route"), "operation", None)
    answer = operation.answer(status) if isinstance(operation, Operation) else None
    fields = getattr(answer.type if answer else None, "model_fields", {})
    declared = {info.alias or name for name, info in fields.items()}
    return [name for name in _ORDER if name in declared]


def _respond(
    request: Request, problem: dict[str, JsonValue], headers: Mapping[str, str] | None = None
) -> Response:
    status = int(str(problem["status"]))
    _log.info(
        "request refused",
        extra={
            "status": status,
            "method": request.method,
            "path": request.url.path,
            "trace_id": trace_id(request.scope),
            "detail": problem.get("detail"),
        },
    )
    return Response(orjson.dumps(problem), status, {**_NO_STORE, **(headers or {})}, MEDIA_TYPE)


async def _on_kyanite_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.KyaniteError)
    if status_of(error) >= 500:
        return await _on_unforeseen(request, error)
    problem = of_error(
        error,
        instance=request.url.path,
        trace=trace_id(request.scope),
        members=_declared_members(request, status_of(error)),
    )
    headers = {}
    if isinstance(error, errors.TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
        if error.retry_after_seconds is not None:
            headers["Retry-After"] = str(error.retry_after_seconds)
    return _respond(request, problem, headers)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong: dict[str, list[str]] = {}
    for one in error.errors():
        sentence = str(one["msg"]).rstrip(".") + "."
        if len(wrong) == MOST_ERRORS:
            break
        sentences = wrong.setdefault(member_name(one["loc"]), [])
        if sentence not in sentences:
            sentences.append(sentence)
    invalid = errors.Invalid("The request has wrong or missing values.", wrong)
    return await _on_kyanite_error(request, invalid)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "There is no such operation." if error.status_code in (404, 405) else str(error.detail)
    problem = document(
        error.status_code,
        detail,
        instance=request.url.path,
        trace=trace_id(request.scope),
        facts={},
    )
    return _respond(request, problem, error.headers)


async def _on_unforeseen(request: Request, error: Exception) -> Response:
    """The last handler: nothing that happens here is the caller's fault."""
    trace = trace_id(request.scope)
    _log.error(
        "request failed",
        exc_info=error,
        extra={"method": request.method, "path": request.url.path, "trace_id": trace},
    )
    problem = document(
        500,
        "The appliance failed; its log says why.",
        instance=request.url.path,
        trace=trace,
        facts={},
    )
    return Response(orjson.dumps(problem), 500, _NO_STORE, MEDIA_TYPE)


def install(app: Starlette) -> None:
    """Make the application answer every error with a problem document."""
    app.add_exception_handler(errors.KyaniteError, _on_kyanite_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    # Not `Exception`: Starlette would raise it again after answering, and the server would
    # log it a second time. The last handler is called by `http.routes`.


on_unforeseen = _on_unforeseen
