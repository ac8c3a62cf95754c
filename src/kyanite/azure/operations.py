"""Long-running operations of the Resource Manager.

Azure says in three ways that something takes a while: the header
``Azure-AsyncOperation`` (a status document), the header ``Location`` (202 until it is
done), or ``provisioningState`` in the resource itself. An ``Operation`` remembers which,
as plain text, so that a restarted appliance follows it where the old one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Protocol
from urllib.parse import urlsplit

from kyanite.azure.faults import azure_error, error_of_body
from kyanite.azure.pauses import Check, pause, retry_after_seconds
from kyanite.base.errors import Gone
from kyanite.base.json_types import JsonObject, as_object, as_text, dig

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0
_SHORTEST_PAUSE_SECONDS: Final = 0.05
"""``Retry-After: 0`` means soon, not as fast as the network allows."""
_GROWTH: Final = 1.5
_DONE: Final = frozenset({"", "succeeded"})
_FAILED: Final = frozenset({"failed", "canceled"})


class PollAnswer(Protocol):
    """What a poll answers; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: JsonObject


@dataclass(frozen=True)
class Operation:
    """An operation in progress (or already finished, when no URL is left to ask)."""

    method: str
    url: str
    """The request that started it; its path names the resource."""
    status_url: str = ""
    location_url: str = ""
    by_state: bool = False
    result: JsonObject | None = None
    """The result of an operation that was finished at once."""
    retry_after_seconds: float | None = None

    @classmethod
    def started(
        cls, method: str, url: str, headers: Mapping[str, str], status: int, body: JsonObject
    ) -> Operation:
        """Read the first answer."""
        status_url = headers.get("azure-asyncoperation", "")
        location_url = headers.get("location", "") if status == 202 or status_url else ""
        state = as_text(dig(body, "properties", "provisioningState")).lower()
        by_state = (
            not status_url
            and not location_url
            and method in ("PUT", "PATCH")
            and state not in _DONE
        )
        finished = not (status_url or location_url or by_state)
        return cls(
            method,
            url,
            status_url,
            location_url,
            by_state,
            body if finished else None,
            retry_after_seconds(headers.get("retry-after")),
        )

    def to_json(self) -> JsonObject:
        """For storing. What grants access must not be stored: its result is a secret."""
        if urlsplit(self.url).path.lower().endswith("getaccess"):
            raise ValueError("the result of granting access is a secret and is not stored")
        return asdict(self)

    @classmethod
    def from_json(cls, stored: JsonObject) -> Operation:
        """What ``to_json`` wrote."""
        result, after = stored.get("result"), stored.get("retry_after_seconds")
        return cls(
            method=as_text(stored.get("method")),
            url=as_text(stored.get("url")),
            status_url=as_text(stored.get("status_url")),
            location_url=as_text(stored.get("location_url")),
            by_state=bool(stored.get("by_state")),
            result=as_object(result) if result is not None else None,
            retry_after_seconds=float(after) if isinstance(after, int | float) else None,
        )


def poll(operation: Operation, get: Callable[[str], PollAnswer], check: Check) -> JsonObject:
    """Follow ``operation`` to its end and return its result.

    ``get`` fetches a URL; ``check`` is asked at least every quarter of a second.
    Raises the ``AzureError`` that the operation ended with.
    """
    if operation.result is not None:
        return operation.result
    pace = _Pace(operation.retry_after_seconds)
    while True:
        pace.wait(check)
        try:
            answer = get(operation.status_url or operation.location_url or operation.url)
        except Gone:
            by_resource = not (operation.status_url or operation.location_url)
            if by_resource or operation.method == "POST":
                raise
            # Azure forgets operations after a while: the resource itself tells what became.
            operation = replace(operation, status_url="", location_url="")
            if operation.method == "DELETE":
                return {}
            continue
        if operation.status_url:
            state = as_text(answer.body.get("status")).lower()
        elif operation.location_url:
            state = "inprogress" if answer.status == 202 else "succeeded"
        else:
            state = as_text(dig(answer.body, "properties", "provisioningState")).lower()
        _raise_if_failed(operation, state, answer.body)
        if state in _DONE:
            if operation.status_url:
                return _result_after_status(operation, answer.body, get)
            return _result(operation, answer.body, get) if operation.location_url else answer.body
        pace.told(retry_after_seconds(answer.headers.get("retry-after")))


class _Pace:
    """How long to wait: what Azure says; else half a second, growing to ten."""

    def __init__(self, told_seconds: float | None) -> None:
        self._told_seconds = told_seconds
        self._own_seconds = _FIRST_PAUSE_SECONDS

    def told(self, seconds: float | None) -> None:
        self._told_seconds = seconds

    def wait(self, check: Check) -> None:
        if self._told_seconds is not None:
            pause(max(self._told_seconds, _SHORTEST_PAUSE_SECONDS), check)
            return
        pause(self._own_seconds, check)
        self._own_seconds = min(self._own_seconds * _GROWTH, _LONGEST_PAUSE_SECONDS)


def _raise_if_failed(operation: Operation, state: str, body: JsonObject) -> None:
    if state in _FAILED:
        code, message = error_of_body(body)
        raise azure_error(
            f"{operation.method} {urlsplit(operation.url).path}",
            code=code or ("OperationCanceled" if state == "canceled" else "OperationFailed"),
            message=message or f"the operation ended {state}",
        )


def _result_after_status(
    operation: Operation, status: JsonObject, get: Callable[[str], PollAnswer]
) -> JsonObject:
    """The result when the status document says that it succeeded."""
    if operation.method == "POST" and operation.location_url:
        answer = get(operation.location_url)
        if answer.body:
            return answer.body
    if operation.method == "POST":
        return as_object(dig(status, "properties", "output"))
    return _result(operation, {}, get)


def _result(operation: Operation, last: JsonObject, get: Callable[[str], PollAnswer]) -> JsonObject:
    """PUT and PATCH: the resource itself, asked again. DELETE: nothing. POST: the last answer."""
    if operation.method in ("PUT", "PATCH"):
        return get(operation.url).body
    return {} if operation.method == "DELETE" else last
