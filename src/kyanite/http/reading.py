"""Reading a request in the right order, before its route function sees anything.

401 → 403 → 415 → 400; what comes after (404, 409, 423) is decided by the use case
(docs/behaviour/api-conventions.md §10).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.requests import Request

from kyanite.base.errors import Invalid, NotFound, UnsupportedMediaType
from kyanite.contract.operation import Body, Operation
from kyanite.http.arguments import MISSING, Call
from kyanite.http.queries import by_name, canonical_query
from kyanite.http.shapes import Reading, shape_of
from kyanite.http.versions import LENIENT_FILTERS, version_of

# The largest bodies are uploaded certificates and restored settings, of some hundred KiB.
MAX_BODY_BYTES = 16 * 1024 * 1024
# The deepest ones are schedules of policies, of five levels.
MAX_DEPTH = 64
# Forms are for signing in: whoever sends one is nobody yet.
MAX_FORM_BYTES = 256 * 1024
FORM = "application/x-www-form-urlencoded"


async def read_body(request: Request, operation: Operation) -> bytes:
    """The whole body; Invalid when it is larger than anything the operation takes."""
    assert operation.body is not None
    most_bytes = MAX_FORM_BYTES if operation.body.media_type == FORM else MAX_BODY_BYTES
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


def read(request: Request, operation: Operation, raw: bytes) -> tuple[Call, bool]:
    """The request in the contract's spelling; and whether a filter value matches nothing.

    Raises UnsupportedMediaType, Invalid, or NotFound for a path no resource can have.
    """
    if any("\x00" in str(value) for value in request.path_params.values()):
        raise NotFound("There is nothing of that name.")
    if operation.body is not None and raw.strip():
        _check_media_type(request, operation.body.media_type)
    errors: dict[str, list[str]] = {}
    nothing_matches = False
    query: dict[str, object] = {}
    if operation.query is not None:
        lenient = version_of(request.scope) in LENIENT_FILTERS
        sent = request.scope.get("query_string", b"")
        pairs, reading = canonical_query(sent, operation.query, lenient=lenient)
        errors |= reading.errors
        nothing_matches = reading.unknown_values
        query = by_name(pairs, operation.query)
        scope = {**request.scope, "query_string": urlencode(pairs).encode()}
        request = Request(scope, request.receive)
    body: object = MISSING
    if operation.body is not None and raw.strip():
        body, wrong = _body(raw, operation.body)
        errors |= wrong
    if errors:
        raise Invalid("The request has wrong or missing values.", errors)
    return Call(request, query, body), nothing_matches


def is_deeper(value: object, most_levels: int) -> bool:
    """Whether lists and objects are nested in more than that many levels.

    What is shown of a wrong value is made by recursion, which has to end.
    """
    level = [value]
    for _ in range(most_levels + 1):
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def _body(raw: bytes, declared: Body) -> tuple[object, Mapping[str, list[str]]]:
    """The body in the contract's spelling, and what is wrong with it."""
    reading, shape = Reading(), shape_of(declared.type)
    if declared.media_type == FORM:
        values = reading.value(shape, _form_values(raw))
        assert isinstance(values, dict)
        return {k: v for k, v in values.items() if v is not None}, reading.errors
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid.member("body", f"The body is not JSON: {error}.") from None
    if is_deeper(value, MAX_DEPTH):
        raise Invalid.member("body", f"The body has more than {MAX_DEPTH} levels.")
    return reading.value(shape, value), reading.errors
