"""Reading a request in the right order, before its route function sees anything.

401 → 403 → 415 → 400; what comes after (404, 409, 423) is decided by the use case
(docs/behaviour/api-conventions.md §10).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import FormData
from starlette.requests import Request

from kyanite.base.errors import Invalid, NotFound, UnsupportedMediaType
from kyanite.contract.operation import Operation
from kyanite.http.queries import canonical_query
from kyanite.http.shapes import Reading, shape_of
from kyanite.http.versions import LENIENT_FILTERS, version_of

# The largest bodies are uploaded certificates and restored settings, of some hundred KiB.
MAX_BODY_BYTES = 16 * 1024 * 1024
# Forms are for signing in: whoever sends one is nobody yet.
MAX_FORM_BYTES = 256 * 1024
FORM = "application/x-www-form-urlencoded"


class CanonicalRequest(Request):
    """The request with its body in the contract's spelling."""

    canonical_body: bytes
    canonical_json: Any
    canonical_form: FormData

    async def body(self) -> bytes:
        return self.canonical_body

    async def json(self) -> Any:
        return self.canonical_json

    def form(self, **_limits: Any) -> Any:
        async def ready() -> FormData:
            return self.canonical_form

        return ready()


async def _read_body(request: Request, most_bytes: int) -> bytes:
    """The whole body; Invalid when it is larger than anything this operation takes."""
    too_large = Invalid.member("body", f"A body of at most {most_bytes} bytes is expected.")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > most_bytes:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _check_media_type(request: Request, wanted: str) -> None:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    json_like = sent == "application/json" or (
        sent.startswith("application/") and sent.endswith("+json")
    )
    if not (json_like if wanted == "application/json" else sent == wanted):
        raise UnsupportedMediaType(f"A body of the type {wanted} is expected, not {sent!r}.")


def _form_values(raw: bytes) -> dict[str, str]:
    """Form fields; empty ones count as absent."""
    try:
        pairs = parse_qsl(raw.decode("utf-8"), max_num_fields=1000)
    except (UnicodeDecodeError, ValueError):
        raise Invalid.member("body", "The form cannot be read.") from None
    return dict(reversed(pairs))


async def read(request: Request, operation: Operation) -> tuple[CanonicalRequest, bool]:
    """The request in the contract's spelling; and whether a filter value matches nothing.

    Raises UnsupportedMediaType, Invalid, or NotFound for a path no resource can have.
    """
    if any("\x00" in str(value) for value in request.path_params.values()):
        raise NotFound("There is nothing of that name.")
    raw, body_value = b"", None
    if operation.body is not None:
        is_form = operation.body.media_type == FORM
        raw = await _read_body(request, MAX_FORM_BYTES if is_form else MAX_BODY_BYTES)
        if raw.strip():
            _check_media_type(request, operation.body.media_type)
    nothing_matches = False
    errors: dict[str, list[str]] = {}
    scope = dict(request.scope)
    if operation.query is not None:
        lenient = version_of(scope) in LENIENT_FILTERS
        scope["query_string"], query = canonical_query(
            scope.get("query_string", b""), operation.query, lenient=lenient
        )
        errors |= query.errors
        nothing_matches = query.unknown_values
    canonical = CanonicalRequest(scope, request.receive)
    canonical.canonical_body = raw.strip()
    canonical.canonical_form = FormData()
    if operation.body is not None and canonical.canonical_body:
        reading = Reading()
        shape = shape_of(operation.body.type)
        if operation.body.media_type == FORM:
            values: Mapping[str, Any] = reading.value(shape, _form_values(raw))  # type: ignore[assignment]
            canonical.canonical_form = FormData(
                [(name, value) for name, value in values.items() if value is not None]
            )
        else:
            try:
                body_value = orjson.loads(raw)
            except orjson.JSONDecodeError as error:
                raise Invalid.member("body", f"The body is not JSON: {error}.") from None
            canonical.canonical_json = reading.value(shape, body_value)
        errors |= reading.errors
    if errors:
        raise Invalid("The request has wrong or missing values.", errors)
    return canonical, nothing_matches
