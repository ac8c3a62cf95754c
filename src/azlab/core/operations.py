"""Long-running operations in both styles of ARM, on lab time, surviving a restart.

An operation is a document. When its time has come, the *completion* that was registered under its
name changes the state and gives the output; this happens inside the next transaction of anybody
(`Lab.transaction` settles what is due first), so nothing runs in the background and nothing
is lost when the lab is killed in between.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from azlab.core.clock import iso
from azlab.core.errors import ArmError
from azlab.core.json_types import JsonObject, JsonValue, object_at, text_at
from azlab.core.resource_ids import BadResourceId, ResourceId, parse
from azlab.core.resources import Resources
from azlab.core.settings import Settings
from azlab.core.state import Transaction

Completion: TypeAlias = Callable[[Transaction, JsonObject], JsonValue]
"""(transaction, arguments) -> the output; an ArmError makes the operation end `Failed`."""
Style: TypeAlias = Literal["async", "location", "both"]

_KEPT = timedelta(days=1)
_OPERATION, _DUE = "operation", "operationDue"
PROVISIONED, DELETED, NOTHING = "resource.provisioned", "resource.deleted", "nothing"


@dataclass(frozen=True)
class Operation:
    """One operation as it stands now."""

    id: str
    document: JsonObject

    @property
    def status(self) -> str:
        """InProgress, Succeeded or Failed."""
        return text_at(self.document, "status")

    @property
    def output(self) -> JsonValue:
        """What the completion returned; None for none."""
        return self.document.get("output")

    @property
    def error(self) -> JsonObject:
        """The error of a failed operation."""
        return object_at(self.document, "error")

    @property
    def subscription(self) -> str:
        """The subscription the operation belongs to."""
        return text_at(self.document, "subscription")

    @property
    def error_status(self) -> int:
        """The HTTP status with which the Location poll answers a failure."""
        status = self.document.get("errorStatus")
        return status if isinstance(status, int) else 409


class Operations:
    """Starts operations and brings due ones to their end."""

    def __init__(
        self, resources: Resources, now: Callable[[], datetime], settings: Callable[[], Settings]
    ) -> None:
        self.arm_url = ""
        self._resources = resources
        self._now = now
        self._settings = settings
        self._completions: dict[str, Completion] = {
            PROVISIONED: self._provisioned,
            DELETED: self._deleted,
            NOTHING: _do_nothing,
        }

    def register(self, name: str, completion: Completion) -> None:
        """Make a completion known; at every start of the lab, before it answers."""
        self._completions[name] = completion

    def start(
        self,
        tx: Transaction,
        *,
        complete: str,
        arguments: JsonObject,
        target: ResourceId,
        location: str,
        api_version: str,
        style: Style = "both",
        seconds: float | None = None,
        fail_with: str | None = None,
        on_failure: str = "",
    ) -> dict[str, str]:
        """Accept an operation; the headers of the answer that accepts it.

        `complete` names the completion (PROVISIONED sets the target's provisioningState,
        DELETED removes it). `seconds` is lab time, by default the `lroSeconds` setting.
        `on_failure` names what runs instead when it fails (by default the target's
        provisioningState becomes `Failed`, if it is there).
        """
        if complete not in self._completions:
            raise KeyError(f"no completion is registered as {complete!r}")
        name = str(uuid.uuid4())
        settings = self._settings()
        now = self._now()
        due = now + timedelta(seconds=settings.lro_seconds if seconds is None else seconds)
        document: JsonObject = {
            "status": "InProgress",
            "startTime": iso(now),
            "due": iso(due),
            "complete": complete,
            "arguments": arguments,
            "target": target.text,
            "failWith": fail_with,
            "onFailure": on_failure,
            "subscription": target.subscription,
        }
        tx.put(_OPERATION, name, document)
        tx.put(_DUE, f"{iso(due)} {name}", {"operation": name})
        return self._headers(target, location, name, api_version, style)

    def _headers(
        self, target: ResourceId, location: str, name: str, api_version: str, style: Style
    ) -> dict[str, str]:
        namespace = target.namespace or "Microsoft.Resources"
        base = (
            f"{self.arm_url}/subscriptions/{target.subscription}/providers/{namespace}"
            f"/locations/{location.lower().replace(' ', '')}"
        )
        headers = {"Retry-After": str(self._settings().retry_after_seconds)}
        if style in ("async", "both"):
            headers["Azure-AsyncOperation"] = f"{base}/operations/{name}?api-version={api_version}"
        if style in ("location", "both"):
            headers["Location"] = f"{base}/operationResults/{name}?api-version={api_version}"
        return headers

    def find(self, tx: Transaction, name: str) -> Operation | None:
        """The operation, or None."""
        document = tx.get(_OPERATION, name.lower())
        return None if document is None else Operation(name.lower(), document)

    def forget_old(self, tx: Transaction) -> None:
        """Drop what ended more than a day ago: nobody polls it any more, as in Azure."""
        limit = iso(self._now() - _KEPT)
        for key, document in tx.list(_OPERATION):
            ended = text_at(document, "endTime")
            if ended and ended < limit:
                tx.delete(_OPERATION, key)

    def settle(self, tx: Transaction) -> None:
        """Bring everything that is due to its end, in the order in which it became due."""
        now = iso(self._now())
        while (entry := tx.first(_DUE)) is not None and entry[0][: len(now)] <= now:
            key, pointer = entry
            tx.delete(_DUE, key)
            operation = self.find(tx, text_at(pointer, "operation"))
            if operation is not None:
                self._finish(tx, operation)

    def _finish(self, tx: Transaction, operation: Operation) -> None:
        document = operation.document
        arguments = object_at(document, "arguments")
        fail_with = text_at(document, "failWith")
        try:
            if fail_with:
                raise ArmError(409, fail_with, f"The operation was made to fail: {fail_with}.")
            with tx.savepoint():
                document["output"] = self._completions[text_at(document, "complete")](tx, arguments)
            document["status"] = "Succeeded"
        except ArmError as error:
            document["status"] = "Failed"
            document["error"] = error.to_json()
            document["errorStatus"] = error.status
            self._failed(tx, document, arguments)
        document["endTime"] = text_at(document, "due")
        tx.put(_OPERATION, operation.id, document)

    def _failed(self, tx: Transaction, document: JsonObject, arguments: JsonObject) -> None:
        on_failure = text_at(document, "onFailure")
        if on_failure:
            self._completions[on_failure](tx, arguments)
            return
        try:
            target = parse(text_at(document, "target"))
        except BadResourceId:
            return
        if target.namespace:
            self._resources.set_provisioning_state(tx, target, "Failed")

    def _provisioned(self, tx: Transaction, arguments: JsonObject) -> JsonValue:
        target = parse(text_at(arguments, "id"))
        self._resources.set_provisioning_state(tx, target, "Succeeded")
        return self._resources.body(tx, target)

    def _deleted(self, tx: Transaction, arguments: JsonObject) -> JsonValue:
        self._resources.remove(tx, parse(text_at(arguments, "id")))
        return None


def status_body(operation: Operation, url: str) -> JsonObject:
    """The answer of the Azure-AsyncOperation URL."""
    document = operation.document
    body: JsonObject = {
        "id": url,
        "name": operation.id,
        "status": operation.status,
        "startTime": document.get("startTime"),
    }
    if operation.status != "InProgress":
        body["endTime"] = document.get("endTime")
    if operation.status == "Succeeded":
        body["percentComplete"] = 100
        if operation.output is not None:
            body["properties"] = {"output": operation.output}
    if operation.status == "Failed":
        body["error"] = operation.error
    return body


def _do_nothing(tx: Transaction, arguments: JsonObject) -> JsonValue:  # noqa: ARG001
    return None
