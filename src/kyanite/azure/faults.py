"""From Azure's error codes and statuses to the error tree.

The only place that decides whether a refusal may be repeated, means a missing right, a
missing thing or a used-up quota. Codes win over statuses: long-running operations end
with a code alone.
"""

from __future__ import annotations

from typing import Final

from kyanite.base.errors import (
    AzureError,
    Denied,
    Gone,
    QuotaExceeded,
    Rejected,
    Throttled,
    Transient,
)
from kyanite.base.json_types import JsonValue, as_object, as_text

_THROTTLED: Final = frozenset(
    {
        "toomanyrequests",
        "subscriptionrequeststhrottled",
        "throttlingexception",
        "snapshotoperationrateexceeded",
    }
)
_TRANSIENT: Final = frozenset(
    {
        "internalservererror",
        "internalerror",
        "internaloperationerror",
        "internalexecutionerror",
        "operationpreempted",
        "operationtimedout",
        "retryableerror",
        "serverbusy",
        "servererror",
        "serviceunavailable",
        "servertimeout",
        "storageerror",
    }
)
_GONE: Final = frozenset(
    {
        "resourcenotfound",
        "resourcegroupnotfound",
        "subscriptionnotfound",
        "notfound",
        "blobnotfound",
        "containernotfound",
        "parentresourcenotfound",
    }
)
_DENIED: Final = frozenset(
    {"authorizationfailed", "linkedauthorizationfailed", "invalidauthenticationtoken"}
)
_QUOTA: Final = frozenset(
    {"quotaexceeded", "resourcequotaexceeded", "skunotavailable", "allocationfailed"}
)
REPEATABLE_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})


def azure_error(
    what: str,
    *,
    status: int = 0,
    code: str = "",
    message: str = "",
    retry_after_seconds: float | None = None,
) -> AzureError:
    """The error that says that ``what`` (``PUT /subscriptions/…``) was answered like this.

    ``status`` is 0 for the failure of a long-running operation, which only has a code.
    """
    text = f"{what} failed: {message or 'no reason given'}"
    if code:
        text = f"{text} (Azure code {code})"
    elif status:
        text = f"{text} (status {status})"
    key = code.lower()
    if key in _THROTTLED or status == 429:
        return Throttled(
            text,
            code=code,
            status=status or 429,
            retry_after_seconds=1.0 if retry_after_seconds is None else retry_after_seconds,
        )
    kind: type[AzureError] = Rejected
    if key in _QUOTA or (key == "operationnotallowed" and "quota" in message.lower()):
        kind = QuotaExceeded
    elif key in _DENIED or status in (401, 403):
        kind = Denied
    elif key in _GONE or status in (404, 410):
        kind = Gone
    elif key in _TRANSIENT or status in REPEATABLE_STATUSES:
        kind = Transient
    return kind(text, code=code, status=status)


def error_of_body(body: JsonValue) -> tuple[str, str]:
    """Code and message of an Azure error body (``{"error": {…}}`` or the inner object).

    The first detail is appended when the outer message only says that there are details.
    """
    error = as_object(body).get("error", body)
    if isinstance(error, str):  # the shape of Entra: error, error_description
        return error, as_text(as_object(body).get("error_description"))
    code, message = as_text(as_object(error).get("code")), as_text(as_object(error).get("message"))
    details = as_object(error).get("details")
    if isinstance(details, list) and details:
        first = as_text(as_object(details[0]).get("message"))
        if first and first not in message:
            message = f"{message} {first}".strip()
    return code, message
