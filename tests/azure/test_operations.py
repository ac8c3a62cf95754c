"""Long-running operations in all the ways in which Azure announces them."""

from __future__ import annotations

import json
import time

import pytest

from kyanite.azure.operations import Operation
from kyanite.base.errors import Cancelled, QuotaExceeded, Rejected
from kyanite.base.json_types import JsonObject, as_object
from support.scripted_azure import Answer, Asked, always, error_body, scripted

DISK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
STATUS = "https://arm.test/status?api-version=1"
LOCATION = "https://arm.test/location?api-version=1"
SOON = {"Retry-After": "0"}


class Slow:
    """An Azure that starts an operation and finishes it at the third poll."""

    def __init__(self, headers: dict[str, str], end: JsonObject, start_status: int = 202) -> None:
        self.headers, self.end, self.start_status = headers, end, start_status
        self.polls = 0

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/status":
            self.polls += 1
            body = self.end if self.polls == 3 else {"status": "InProgress"}
            return Answer(200, body, SOON)
        if asked.path == "/location":
            self.polls += 1
            if self.polls < 3:
                return Answer(202, None, SOON)
            return Answer(200, {"accessSAS": "https://x?sig=1"})
        if asked.method == "GET":
            return Answer(200, {"name": "d", "properties": {"provisioningState": "Succeeded"}})
        return Answer(self.start_status, {}, self.headers | SOON)


def test_a_status_document_is_followed_and_the_resource_read_again() -> None:
    azure = Slow({"Azure-AsyncOperation": STATUS}, {"status": "Succeeded"}, 201)
    arm, transport = scripted(azure)
    assert arm.put(DISK, {})["name"] == "d"
    assert [asked.path for asked in transport.asked] == [DISK, *["/status"] * 3, DISK]


def test_a_location_is_followed_to_the_result_of_an_action() -> None:
    arm, _ = scripted(Slow({"Location": LOCATION}, {}))
    assert arm.post(f"{DISK}/beginGetAccess", {})["accessSAS"] == "https://x?sig=1"


def test_an_action_with_both_headers_takes_its_result_from_the_location() -> None:
    azure = Slow({"Azure-AsyncOperation": STATUS, "Location": LOCATION}, {"status": "Succeeded"})
    arm, _ = scripted(azure)
    assert arm.post(f"{DISK}/beginGetAccess", {})["accessSAS"] == "https://x?sig=1"


def test_an_action_without_a_location_takes_its_result_from_the_status() -> None:
    end: JsonObject = {"status": "Succeeded", "properties": {"output": {"accessSAS": "u"}}}
    arm, _ = scripted(Slow({"Azure-AsyncOperation": STATUS}, end))
    assert arm.post(f"{DISK}/beginGetAccess", {}) == {"accessSAS": "u"}


def test_a_resource_that_only_tells_its_state_is_asked_until_it_is_ready() -> None:
    asked_times = [0]

    def script(asked: Asked) -> Answer:
        asked_times[0] += 1
        state = "Succeeded" if asked_times[0] > 3 else "Updating"
        return Answer(200, {"properties": {"provisioningState": state}}, SOON)

    arm, _ = scripted(script)
    assert arm.put(DISK, {}) == {"properties": {"provisioningState": "Succeeded"}}


def test_a_failed_operation_raises_what_it_ended_with() -> None:
    end = {"status": "Failed", **error_body("QuotaExceeded", "No cores are left.")}
    arm, _ = scripted(Slow({"Azure-AsyncOperation": STATUS}, end))
    with pytest.raises(QuotaExceeded, match="No cores are left") as caught:
        arm.put(DISK, {})
    assert caught.value.code == "QuotaExceeded"


def test_a_cancelled_operation_is_an_error() -> None:
    arm, _ = scripted(Slow({"Azure-AsyncOperation": STATUS}, {"status": "Canceled"}))
    with pytest.raises(Rejected, match="canceled"):
        arm.post(f"{DISK}/start")


def test_a_stored_operation_is_followed_by_another_client() -> None:
    azure = Slow({"Azure-AsyncOperation": STATUS}, {"status": "Succeeded"})
    first, _ = scripted(azure)
    stored = json.dumps(first.begin("PUT", DISK, {}).to_json())
    second, _ = scripted(azure)
    operation = Operation.from_json(as_object(json.loads(stored)))
    assert second.wait(operation)["name"] == "d"


def test_following_an_operation_ends_soon_when_the_work_is_called_off() -> None:
    begun = time.monotonic()

    def check() -> None:
        if time.monotonic() - begun > 0.3:
            raise Cancelled("stop")

    headers = {"Azure-AsyncOperation": STATUS, "Retry-After": "60"}
    arm, _ = scripted(always(Answer(202, {"status": "InProgress"}, headers)), check)
    with pytest.raises(Cancelled):
        arm.put(DISK, {})
    assert time.monotonic() - begun < 60


def test_an_operation_that_azure_has_forgotten_is_judged_by_its_resource() -> None:
    def script(asked: Asked) -> Answer:
        if asked.path == "/status":
            return Answer(404, error_body("NotFound", "no such operation"))
        if asked.method == "PUT":
            return Answer(202, None, {"Azure-AsyncOperation": STATUS} | SOON)
        return Answer(200, {"name": "d", "properties": {"provisioningState": "Succeeded"}})

    arm, _ = scripted(script)
    assert arm.put(DISK, {})["name"] == "d"


def test_the_secret_result_of_granting_access_is_never_stored() -> None:
    arm, _ = scripted(always(Answer(200, {"accessSAS": "https://x?sig=1"})))
    operation = arm.begin("POST", f"{DISK}/beginGetAccess", {})
    assert arm.wait(operation)["accessSAS"]
    with pytest.raises(ValueError, match="secret"):
        operation.to_json()
