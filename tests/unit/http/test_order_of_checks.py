"""401 → 403 → 415 → 400 → 404 → 409: the first wrong thing is the one that is told."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import pytest

from kyanite.base import errors
from kyanite.http.rights import Role
from support.api import ApiUnderTest
from support.example_routes import Seen

POLICIES = "/api/v8.1/policies/virtualMachines"
GOOD: Mapping[str, object] = {
    "tenantId": "t",
    "serviceAccountId": str(uuid4()),
    "regions": [{"regionId": "westeurope"}],
    "name": "daily",
    "isEnabled": True,
    "snapshotSettings": {},
}


def members(body: Mapping[str, object]) -> list[str]:
    return list(body)


def test_without_a_token_the_answer_is_401_whatever_else_is_wrong(api: ApiUnderTest) -> None:
    answer = api.client.post(POLICIES, content=b"nonsense", headers={"content-type": "text/x"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert members(answer.json()) == ["type", "title", "status", "detail", "extensions"]


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer  ", "Bearer wrong"])
def test_a_malformed_or_unknown_token_is_401(api: ApiUnderTest, header: str) -> None:
    answer = api.client.get(POLICIES, headers={"Authorization": header})
    assert answer.status_code == 401


def test_a_role_without_the_right_gets_403_before_its_body_is_looked_at(api: ApiUnderTest) -> None:
    headers = api.signed_in(Role.READ_ONLY_USER) | {"content-type": "text/plain"}
    answer = api.client.post(POLICIES, content=b"nonsense", headers=headers)
    assert answer.status_code == 403
    assert members(answer.json()) == [
        "type",
        "title",
        "status",
        "extensions",
        "licenseAgreementAcceptanceRequired",
    ]


def test_a_body_of_another_media_type_is_415_before_it_is_parsed(api: ApiUnderTest) -> None:
    headers = api.signed_in() | {"content-type": "text/plain"}
    answer = api.client.post(POLICIES, content=b"nonsense", headers=headers)
    assert answer.status_code == 415
    assert members(answer.json()) == ["type", "title", "status", "traceId"]


@pytest.mark.parametrize(
    "body",
    [b"nonsense", b"[1, 2", b"null", b"[]", b"3", b'"text"', b"{}", b'{"name": NaN}', b"\xff\xfe"],
)
def test_a_body_that_is_no_policy_is_400_with_errors_by_member(
    api: ApiUnderTest, body: bytes
) -> None:
    headers = api.signed_in() | {"content-type": "application/json"}
    answer = api.client.post(POLICIES, content=body, headers=headers)
    assert answer.status_code == 400
    problem = answer.json()
    assert members(problem) == ["type", "title", "status", "detail", "errors", "traceId"]
    assert problem["errors"]


def test_errors_name_the_member_inside_lists_and_objects(api: ApiUnderTest) -> None:
    body = {**GOOD, "regions": [{"regionId": 5}], "dailySchedule": {"runsPerHour": "many"}}
    answer = api.client.post(POLICIES, json=body, headers=api.signed_in())
    assert set(answer.json()["errors"]) == {"regions[0].regionId", "dailySchedule.runsPerHour"}


def test_an_empty_body_with_a_foreign_media_type_is_no_body(api: ApiUnderTest) -> None:
    headers = api.signed_in() | {"content-type": "text/plain"}
    answer = api.client.post(POLICIES, content=b"", headers=headers)
    assert answer.status_code == 400  # a body is needed, its type is not the matter


def test_a_malformed_id_is_400_and_an_unknown_one_404(api: ApiUnderTest, seen: Seen) -> None:
    assert api.client.delete(f"{POLICIES}/47", headers=api.signed_in()).status_code == 400
    seen.error = errors.NotFound("There is no such policy.")
    answer = api.client.delete(f"{POLICIES}/{uuid4()}", headers=api.signed_in())
    assert answer.status_code == 404
    problem = answer.json()
    assert members(problem) == ["type", "title", "status", "detail", "instance", "traceId"]
    assert problem["detail"] == "There is no such policy."


def test_a_conflict_names_resource_and_session(api: ApiUnderTest, seen: Seen) -> None:
    seen.error = errors.Conflict("It is in use.", resource_id="r", session_id="s")
    path = f"{POLICIES}/{uuid4()}"
    problem = api.client.delete(path, headers=api.signed_in()).json()
    assert (problem["status"], problem["resourceId"], problem["sessionId"]) == (409, "r", "s")
    assert problem["instance"] == path


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.PointLocked("locked"), 423),
        (errors.TooManyAttempts("slowly", 7), 429),
        (errors.Denied("Azure says no"), 424),
        (errors.StorageUnavailable("no answer"), 424),
        (errors.WrongKey("wrong"), 400),
    ],
)
def test_each_error_of_the_tree_has_its_status(
    api: ApiUnderTest, seen: Seen, error: errors.KyaniteError, status: int
) -> None:
    seen.error = error
    answer = api.client.delete(f"{POLICIES}/{uuid4()}", headers=api.signed_in())
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)


@pytest.mark.parametrize("error", [ZeroDivisionError("secret detail"), errors.Damaged("x")])
def test_what_nobody_foresaw_is_500_and_says_nothing_of_its_inside(
    api: ApiUnderTest, seen: Seen, error: Exception
) -> None:
    seen.error = error
    answer = api.client.delete(f"{POLICIES}/{uuid4()}", headers=api.signed_in())
    expected = 500 if isinstance(error, ZeroDivisionError) else 424
    assert answer.status_code == expected
    assert "secret detail" not in answer.text


def test_the_trace_id_of_a_caller_comes_back(api: ApiUnderTest) -> None:
    trace = "5f0c1b2a9d3e4f60718293a4b5c6d7e8"
    headers = api.signed_in() | {"traceparent": f"00-{trace}-0123456789abcdef-01"}
    problem = api.client.post(POLICIES, json={}, headers=headers).json()
    assert problem["traceId"].split("-")[1] == trace


def test_a_body_larger_than_anything_the_api_takes_is_refused(api: ApiUnderTest) -> None:
    headers = api.signed_in() | {"content-type": "application/json"}
    answer = api.client.post(POLICIES, content=b" " * (16 * 2**20 + 1), headers=headers)
    assert answer.status_code == 400


def test_a_body_nested_without_end_is_refused(api: ApiUnderTest) -> None:
    headers = api.signed_in() | {"content-type": "application/json"}
    answer = api.client.post(POLICIES, content=b"[" * 200_000, headers=headers)
    assert answer.status_code == 400
