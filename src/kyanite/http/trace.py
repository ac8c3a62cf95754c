"""The trace id of a request: in every failing answer and in the log line beside it.

Form and meaning are those of the W3C `traceparent` header; a caller that sends one finds its
own trace id again.
"""

from __future__ import annotations

import re
import secrets

from starlette.types import Scope

_PARENT = re.compile(r"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_KEY = "kyanite.trace_id"


def trace_id(scope: Scope) -> str:
    """The trace id of this request, the same one each time it is asked for."""
    known = scope.get(_KEY)
    if isinstance(known, str):
        return known
    headers: list[tuple[bytes, bytes]] = scope.get("headers") or []
    sent = next((value.decode("latin-1") for name, value in headers if name == b"traceparent"), "")
    match = _PARENT.match(sent)
    trace = match[1] if match else secrets.token_hex(16)
    scope[_KEY] = f"00-{trace}-{secrets.token_hex(8)}-00"
    return str(scope[_KEY])
