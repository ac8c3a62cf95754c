"""Slow answers: 200 when quick enough, else an operation that is there when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from kyanite.base import errors
from kyanite.http.operations import Operations
from kyanite.http.rights import Principal, Role
from kyanite.http.tables import OperationRow
from support.api import ApiUnderTest
from support.example_routes import Seen
from support.waiting import eventually

ADMIN = Principal("somebody", "admin", Role.PORTAL_ADMIN, "s")


def check(api: ApiUnderTest, password: str = "right") -> Any:
    path = f"/api/v8.1/repositories/{uuid4()}/checkPassword"
    return api.client.post(path, json=password, headers=api.signed_in())


def stored(api: ApiUnderTest, operation_id: str) -> OperationRow:
    with api.database.reading() as db:
        return api.operations.get(db, operation_id, ADMIN)


@pytest.fixture(autouse=True)
def ending(seen: Seen) -> Iterator[None]:
    yield
    seen.may_end.set()


def test_work_that_ends_in_time_is_answered_with_its_plain_result(
    api: ApiUnderTest, seen: Seen
) -> None:
    seen.may_end.set()
    answer = check(api)
    assert (answer.status_code, answer.json()) == (200, True)


def test_an_error_of_quick_work_is_the_answer(api: ApiUnderTest, seen: Seen) -> None:
    seen.may_end.set()
    seen.error = errors.NotFound("There is no such repository.")
    assert check(api).status_code == 404


def test_slow_work_becomes_an_operation_whose_result_comes_later(
    api: ApiUnderTest, seen: Seen
) -> None:
    answer = check(api, "wrong")
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "Running"
    assert body["_links"]["self"]["href"].endswith(f"/api/v8.1/operations/{body['id']}")
    assert "result" not in body
    seen.may_end.set()
    eventually(lambda: stored(api, body["id"]).status == "Success", within_seconds=10)
    assert stored(api, body["id"]).result is False


@pytest.mark.acceptance("api-conventions", 8)
def test_a_failed_operation_holds_the_problem_the_call_would_have_had(
    api: ApiUnderTest, seen: Seen
) -> None:
    seen.error = errors.Denied("The account may not read the container.")
    body = check(api).json()
    seen.may_end.set()
    eventually(lambda: stored(api, body["id"]).status == "Error", within_seconds=10)
    error = stored(api, body["id"]).error
    assert error is not None
    assert (error["status"], error["detail"]) == (424, "The account may not read the container.")


def test_only_its_user_and_administrators_see_an_operation(api: ApiUnderTest, seen: Seen) -> None:
    body = check(api).json()
    stranger = Principal("stranger", "x", Role.PORTAL_OPERATOR, "s")
    with api.database.reading() as db:
        with pytest.raises(errors.Forbidden):
            api.operations.get(db, body["id"], stranger)
        with pytest.raises(errors.NotFound):
            api.operations.get(db, str(uuid4()), stranger)


def test_an_operation_whose_process_is_gone_reads_as_failed(api: ApiUnderTest, seen: Seen) -> None:
    body = check(api).json()
    api.clock.advance(timedelta(minutes=2))
    row = stored(api, body["id"])
    assert row.status == "Error"
    assert "restarted" in str(row.error)


def test_a_finished_operation_outlives_its_process(api: ApiUnderTest, seen: Seen) -> None:
    body = check(api).json()
    seen.may_end.set()
    eventually(lambda: stored(api, body["id"]).status == "Success", within_seconds=10)
    api.clock.advance(timedelta(hours=1))
    other = Operations(api.database, api.clock)
    with api.database.reading() as db:
        assert other.get(db, body["id"], ADMIN).result is True
    other.close()
