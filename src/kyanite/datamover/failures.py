"""Errors as data: the mover's error becomes the same class again in the appliance.

Only classes of our tree travel, by name. Their messages name resources and objects and
never hold a secret; tracebacks stay where they happened.
"""

from __future__ import annotations

from typing import Final

from kyanite.base import errors
from kyanite.base.errors import AzureError, KyaniteError, MoverLost, Throttled
from kyanite.base.json_types import JsonObject, as_int, as_text


def _tree(root: type[KyaniteError]) -> dict[str, type[KyaniteError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


_KINDS: Final = {
    name: kind for name, kind in _tree(KyaniteError).items() if kind.__module__ == errors.__name__
}


def failure_to_json(error: KyaniteError) -> JsonObject:
    """What of an error travels."""
    body: dict[str, str | int | float] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, AzureError):
        body |= {"code": error.code, "status": error.status}
    if isinstance(error, Throttled):
        body["retryAfterSeconds"] = error.retry_after_seconds
    return body


def failure_from_json(body: JsonObject) -> KyaniteError:
    """The error again; one of an unknown class becomes ``MoverLost`` with its text."""
    message, kind = as_text(body.get("message")), _KINDS.get(as_text(body.get("kind")))
    if kind is None:
        return MoverLost(f"The data mover failed: {message}")
    if issubclass(kind, AzureError):
        code, status = as_text(body.get("code")), as_int(body.get("status"))
        after = body.get("retryAfterSeconds")
        if issubclass(kind, Throttled):
            seconds = float(after) if isinstance(after, int | float) else 1.0
            return kind(message, code=code, status=status, retry_after_seconds=seconds)
        return kind(message, code=code, status=status)
    if kind is errors.TooManyAttempts:
        return KyaniteError(message)
    return kind(message)
