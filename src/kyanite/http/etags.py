"""ETags on single objects: whoever has read one already asks whether it is still the same.

A tag is the hash of the answer's bytes, so it changes with anything a client could see. Answers
stay `no-store` for caches on the way; clients keep tags by themselves.
"""

from __future__ import annotations

import hashlib
import re

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kyanite.contract.operation import Operation

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')
_TAG_BYTES = 16
_NOT_MODIFIED = 304


def is_single_object(operation: Operation) -> bool:
    """Whether an operation reads one thing by its id."""
    return operation.method == "GET" and operation.path.endswith("}")


def tagged(operation: Operation, request: Request, response: Response) -> Response:
    """The answer with its tag; 304 without a body when the client has that very answer."""
    if (
        not is_single_object(operation)
        or response.status_code != 200
        or isinstance(response, StreamingResponse)
    ):
        return response
    digest = hashlib.blake2b(bytes(response.body), digest_size=_TAG_BYTES).hexdigest()
    tag = f'"{digest}"'
    response.headers["ETag"] = tag
    sent = request.headers.get("if-none-match", "")
    if sent.strip() == "*" or tag in _TAG.findall(sent):
        kept = {name: response.headers[name] for name in ("ETag", "Cache-Control")}
        return Response(None, _NOT_MODIFIED, kept)
    return response
