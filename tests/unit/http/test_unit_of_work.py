"""A request is one transaction: all of it is kept, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import pytest

from kyanite.areas.access import user_queries
from kyanite.base import errors
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


def was_kept(api: ApiUnderTest) -> bool:
    with api.database.reading() as db:
        return user_queries.find(db, "daily") is not None


def test_what_a_request_did_is_kept_when_it_succeeds(api: ApiUnderTest) -> None:
    answer = api.client.post(POLICIES, json=GOOD, headers=api.signed_in())
    assert answer.status_code == 201
    assert was_kept(api)


@pytest.mark.parametrize("error", [errors.Conflict("in use"), ZeroDivisionError()])
def test_nothing_is_kept_when_it_fails_half_way(
    api: ApiUnderTest, seen: Seen, error: Exception
) -> None:
    seen.after_writing = error
    answer = api.client.post(POLICIES, json=GOOD, headers=api.signed_in())
    assert answer.status_code in (409, 500)
    assert not was_kept(api)


def test_members_that_may_not_be_null_are_left_out_and_others_sent_as_null(
    api: ApiUnderTest,
) -> None:
    body = api.client.post(POLICIES, json=GOOD, headers=api.signed_in()).json()
    assert body == {"id": "x", "serviceAccountId": GOOD["serviceAccountId"], "tenantId": None}
