"""Granting and ending access to the bytes of disks."""

from __future__ import annotations

import pytest

from kyanite.azure.compute import access, snapshots
from kyanite.base.errors import Rejected
from kyanite.base.json_types import JsonObject
from support.scripted_azure import Answer, Asked, always, error_body, scripted

SNAPSHOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/x"


class OneAccess:
    """A snapshot that allows one access at a time."""

    def __init__(self, live: bool = False, exists: bool = True) -> None:
        self.live, self.exists, self.granted = live, exists, 0

    def __call__(self, asked: Asked) -> Answer:
        if not self.exists:
            return Answer(404, error_body("ResourceNotFound", "gone"))
        if asked.path.endswith("beginGetAccess"):
            if self.live:
                return Answer(409, error_body("Conflict", "There is an active SAS."))
            self.live, self.granted = True, self.granted + 1
            return Answer(200, {"accessSAS": f"https://disks.test/x?sig={self.granted}"})
        if asked.path.endswith("endGetAccess"):
            if not self.live:
                return Answer(409, error_body("Conflict", "There is no active SAS."))
            self.live = False
            return Answer(200, None)
        if asked.method == "DELETE":
            if self.live:
                return Answer(409, error_body("OperationNotAllowed", "There is an active SAS."))
            self.exists = False
            return Answer(200, None)
        state = "ActiveSAS" if self.live else "Unattached"
        return Answer(200, {"properties": {"diskState": state}})


def test_a_live_access_of_an_interrupted_attempt_is_ended_and_granted_anew() -> None:
    azure = OneAccess(live=True)
    arm, _ = scripted(azure)
    url = access.grant_read(arm, SNAPSHOT, 3600)
    assert url.reveal() == "https://disks.test/x?sig=1"
    assert azure.live


def test_an_access_does_not_show_its_signature() -> None:
    arm, _ = scripted(OneAccess())
    url = access.grant_read(arm, SNAPSHOT, 3600)
    assert "sig" not in repr(url) + str(url)


def test_ending_an_access_twice_is_fine() -> None:
    azure = OneAccess(live=True)
    arm, _ = scripted(azure)
    access.revoke(arm, SNAPSHOT)
    access.revoke(arm, SNAPSHOT)
    assert not azure.live


def test_ending_the_access_to_something_deleted_is_fine() -> None:
    arm, _ = scripted(OneAccess(exists=False))
    access.revoke(arm, SNAPSHOT)


def test_an_access_that_cannot_be_ended_is_an_error() -> None:
    def script(asked: Asked) -> Answer:
        if asked.path.endswith("endGetAccess"):
            return Answer(409, error_body("ConcurrentEdit", "Somebody else is at it."))
        return Answer(200, {"properties": {"diskState": "ActiveSAS"}})

    arm, _ = scripted(script)
    with pytest.raises(Rejected, match="Somebody else"):
        access.revoke(arm, SNAPSHOT)


def test_a_snapshot_that_is_being_read_is_deleted_all_the_same() -> None:
    azure = OneAccess(live=True)
    arm, _ = scripted(azure)
    snapshots.delete(arm, SNAPSHOT)
    assert not azure.exists
    snapshots.delete(arm, SNAPSHOT)


def test_a_snapshot_is_ready_only_when_its_copy_is_complete() -> None:
    percents = iter([0.0, 40.0, 100.0])

    def script(asked: Asked) -> Answer:
        percent = next(percents)
        properties: JsonObject = {
            "provisioningState": "Succeeded",
            "completionPercent": percent,
        }
        return Answer(200, {"properties": properties})

    arm, transport = scripted(script)
    ready = snapshots.wait_complete(arm, SNAPSHOT)
    assert ready["properties"] == {"provisioningState": "Succeeded", "completionPercent": 100.0}
    assert len(transport.asked) == 3


def test_a_snapshot_whose_copy_failed_says_why() -> None:
    failed: JsonObject = {
        "properties": {
            "provisioningState": "Succeeded",
            "completionPercent": 3.0,
            "copyCompletionError": {"errorCode": "CopyFailed", "errorMessage": "It broke."},
        }
    }
    arm, _ = scripted(always(Answer(200, failed)))
    with pytest.raises(Rejected, match=r"It broke\."):
        snapshots.wait_complete(arm, SNAPSHOT)
