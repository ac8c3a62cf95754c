"""The thin client of the Resource Manager against an Azure of written-down answers."""

from __future__ import annotations

import time

import pytest

from kyanite.base.errors import (
    AzureError,
    Cancelled,
    Denied,
    Gone,
    QuotaExceeded,
    Rejected,
    Throttled,
)
from support.scripted_azure import Answer, Asked, always, error_body, in_turn, scripted

DISK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"


def test_the_api_version_follows_the_type_of_the_resource() -> None:
    arm, azure = scripted(always(Answer(200, {})))
    arm.get(DISK)
    arm.get("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v")
    arm.get("/subscriptions/s")
    arm.get(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
    )
    versions = [asked.query["api-version"] for asked in azure.asked]
    assert versions == ["2026-03-02", "2026-04-01", "2022-12-01", "2026-03-01"]


def test_an_unknown_service_is_refused_before_anything_is_sent() -> None:
    arm, azure = scripted(always(Answer(200, {})))
    with pytest.raises(Rejected, match="api-version"):
        arm.get("/subscriptions/s/providers/Microsoft.Unknown/things")
    assert azure.asked == []


def test_a_list_follows_its_next_links_word_by_word() -> None:
    def script(asked: Asked) -> Answer:
        if "$skiptoken" in asked.url:
            return Answer(200, {"value": [{"name": "b"}]})
        link = f"https://arm.test{asked.path}?api-version=2026-03-02&$skiptoken=a%2Bb"
        return Answer(200, {"value": [{"name": "a"}], "nextLink": link})

    arm, azure = scripted(script)
    entries = list(arm.list("/subscriptions/s/providers/Microsoft.Compute/disks"))
    assert [entry["name"] for entry in entries] == ["a", "b"]
    assert azure.asked[1].url.endswith("$skiptoken=a%2Bb")


def test_no_token_goes_to_a_host_that_an_answer_links_to() -> None:
    arm, azure = scripted(always(Answer(200, {"value": [], "nextLink": "https://evil.test/steal"})))
    with pytest.raises(Rejected, match=r"evil\.test"):
        list(arm.list("/subscriptions"))
    assert len(azure.asked) == 1


def test_throttling_is_waited_out_as_long_as_azure_says() -> None:
    arm, _ = scripted(
        in_turn(
            Answer(429, error_body("TooManyRequests", "slow"), {"Retry-After": "1"}),
            Answer(200, {"ok": True}),
        )
    )
    begun = time.monotonic()
    assert arm.get(DISK) == {"ok": True}
    assert time.monotonic() - begun >= 1


def test_dropped_connections_and_server_errors_are_repeated() -> None:
    arm, azure = scripted(
        in_turn(
            Answer(drop=True),
            Answer(503, None),
            Answer(500, error_body("InternalServerError", "oops")),
            Answer(200, {"ok": True}),
        )
    )
    assert arm.get(DISK) == {"ok": True}
    assert len(azure.asked) == 4


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AuthorizationFailed", Denied),
        (404, "ResourceNotFound", Gone),
        (409, "OperationNotAllowed", Rejected),
        (400, "InvalidParameter", Rejected),
        (409, "QuotaExceeded", QuotaExceeded),
        (409, "SnapshotOperationRateExceeded", Throttled),
    ],
)
def test_a_refusal_carries_azures_code_and_words(
    status: int, code: str, kind: type[AzureError]
) -> None:
    arm, azure = scripted(always(Answer(status, error_body(code, "These are the words."))))
    with pytest.raises(kind, match=r"These are the words\.") as caught:
        arm.get(DISK)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(azure.asked) == 1


def test_a_refused_token_is_replaced_once() -> None:
    def script(asked: Asked) -> Answer:
        if asked.headers["Authorization"] == "Bearer token-2":
            return Answer(200, {"ok": True})
        return Answer(
            401,
            error_body("ExpiredAuthenticationToken", "expired"),
            {"WWW-Authenticate": "Bearer authorization_uri=x"},
        )

    arm, azure = scripted(script)
    assert arm.get(DISK) == {"ok": True}
    assert len(azure.asked) == 2


def test_a_wait_for_throttling_ends_soon_when_the_work_is_called_off() -> None:
    begun = time.monotonic()

    def check() -> None:
        if time.monotonic() - begun > 0.5:
            raise Cancelled("stop")

    arm, _ = scripted(always(Answer(429, None, {"Retry-After": "60"})), check)
    with pytest.raises(Cancelled):
        arm.get(DISK)
    assert time.monotonic() - begun < 60


def test_a_wait_longer_than_the_bound_is_reported_and_not_sat_out() -> None:
    arm, _ = scripted(always(Answer(429, None, {"Retry-After": "3600"})))
    with pytest.raises(Throttled) as caught:
        arm.get(DISK)
    assert caught.value.retry_after_seconds == 3600


def test_deleting_what_is_not_there_is_fine() -> None:
    arm, _ = scripted(always(Answer(404, error_body("ResourceNotFound", "gone"))))
    arm.delete(DISK)
    assert arm.find(DISK) is None
