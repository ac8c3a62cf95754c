"""What existing clients really send; each rule of docs/behaviour/rulings.md is a test here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from kyanite.contract.models.job_sessions import GetJobSessionsQuery
from kyanite.contract.models.policy import GetPoliciesQuery, NewPolicyFromClient
from support.api import ApiUnderTest
from support.example_routes import Seen

POLICIES = "/api/v8.1/policies/virtualMachines"
SESSIONS = "/api/v8.1/jobSessions"
GOOD: Mapping[str, object] = {
    "tenantId": "t",
    "serviceAccountId": str(uuid4()),
    "regions": [{"regionId": "westeurope"}],
    "name": "daily",
    "isEnabled": True,
    "snapshotSettings": {},
}


def asked(api: ApiUnderTest, seen: Seen, query: str, path: str = POLICIES) -> GetPoliciesQuery:
    answer = api.client.get(f"{path}?{query}", headers=api.signed_in())
    assert answer.status_code == 200, answer.text
    assert isinstance(seen.query, GetPoliciesQuery)
    return seen.query


def sent(api: ApiUnderTest, seen: Seen, **changes: object) -> NewPolicyFromClient:
    answer = api.client.post(POLICIES, json={**GOOD, **changes}, headers=api.signed_in())
    assert answer.status_code == 201, answer.text
    assert isinstance(seen.body, NewPolicyFromClient)
    return seen.body


@pytest.mark.acceptance("api-conventions", 6)
@pytest.mark.parametrize(
    "query",
    [
        "PolicyStatus=Enabled&PolicyStatus=Disabled",
        "PolicyStatus=Enabled,Disabled",
        "policystatus=enabled, DISABLED",
        "policyStatus=%5B%22Enabled%22%2C%22Disabled%22%5D",
        "PolicyStatus=Enabled&POLICYSTATUS=Disabled",
        "PolicyStatus=Enabled&PolicyStatus=&PolicyStatus=Disabled,",
    ],
)
def test_an_array_may_be_repeated_a_comma_list_or_json(
    api: ApiUnderTest, seen: Seen, query: str
) -> None:
    assert asked(api, seen, query).policy_status == ["Enabled", "Disabled"]


def test_empty_filters_and_unknown_parameters_count_as_absent(
    api: ApiUnderTest, seen: Seen
) -> None:
    query = asked(api, seen, "PolicyName=&PolicyStatus=&Limit=&whatever=1&LastJobStatus=%5B%5D")
    assert query == GetPoliciesQuery()


@pytest.mark.parametrize(
    ("query", "member"),
    [
        ("PolicyStatus=Sleeping", "PolicyStatus"),
        ("PolicyStatus=Enabled,Sleeping", "PolicyStatus"),
        ("PolicyStatus=Unknown", "PolicyStatus"),
        ("LastJobStatus=%5B1", "LastJobStatus"),
        ("Offset=-1", "Offset"),
        ("Limit=-2", "Limit"),
        ("Limit=many", "Limit"),
        ("Offset=99999999999", "Offset"),
        ("PolicyName=a%00b", "PolicyName"),
    ],
)
def test_a_filter_that_makes_no_sense_is_400(api: ApiUnderTest, query: str, member: str) -> None:
    answer = api.client.get(f"{POLICIES}?{query}", headers=api.signed_in())
    assert answer.status_code == 400
    assert member in answer.json()["errors"]


@pytest.mark.parametrize("version", ["v6", "v7"])
def test_before_v8_an_unknown_filter_value_matches_nothing(
    api: ApiUnderTest, seen: Seen, version: str
) -> None:
    seen.items = [{"name": "one"}]
    path = f"/api/{version}/policies/virtualMachines"
    answer = api.client.get(f"{path}?PolicyStatus=Sleeping&Limit=7", headers=api.signed_in())
    body = answer.json()
    assert (answer.status_code, body["totalCount"], body["results"]) == (200, 0, [])
    assert (body["offset"], body["limit"]) == (0, 7)
    assert asked(api, seen, "PolicyStatus=Sleeping,Enabled", path).policy_status == ["Enabled"]


def test_older_names_of_session_types_mean_all_types_they_became(
    api: ApiUnderTest, seen: Seen
) -> None:
    answer = api.client.get(
        f"{SESSIONS}?Types=CosmosDbPolicyBackup,PolicyBackup", headers=api.signed_in()
    )
    assert answer.status_code == 200, answer.text
    assert isinstance(seen.query, GetJobSessionsQuery)
    assert seen.query.types == ["PostgresDbPolicyBackup", "MongoDbPolicyBackup", "PolicyBackup"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-03", datetime(2026, 2, 3, tzinfo=UTC)),
        ("2026-02-03T10:00:00Z", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T10:00:00", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T10:00:00.1234567Z", datetime(2026, 2, 3, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-02-03T11:00:00+01:00", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T11:00:00%2B01:00", datetime(2026, 2, 3, 10, tzinfo=UTC)),
    ],
)
def test_a_bare_date_is_midnight_utc_and_offsets_are_taken(
    api: ApiUnderTest, seen: Seen, text: str, moment: datetime
) -> None:
    answer = api.client.get(f"{SESSIONS}?fromUtc={text}", headers=api.signed_in())
    assert answer.status_code == 200, answer.text
    assert isinstance(seen.query, GetJobSessionsQuery)
    assert seen.query.from_utc == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "1770112800", "9999-12-31T23:59-12"])
def test_what_is_no_date_is_400(api: ApiUnderTest, text: str) -> None:
    answer = api.client.get(f"{SESSIONS}?FromUtc={text}", headers=api.signed_in())
    assert answer.status_code == 400


def test_member_names_match_without_regard_to_case(api: ApiUnderTest, seen: Seen) -> None:
    body = {name.upper(): value for name, value in GOOD.items()}
    body["REGIONS"] = [{"RegionID": "eastus"}]
    answer = api.client.post(POLICIES, json=body, headers=api.signed_in())
    assert answer.status_code == 201, answer.text
    assert isinstance(seen.body, NewPolicyFromClient)
    assert seen.body.regions[0].region_id == "eastus"


def test_the_exact_spelling_wins_over_another_case(api: ApiUnderTest, seen: Seen) -> None:
    assert sent(api, seen, NAME="other").name == "daily"


def test_unknown_members_are_ignored(api: ApiUnderTest, seen: Seen) -> None:
    assert sent(api, seen, colour="blue", regions=[{"regionId": "x", "y": {"z": 1}}])


def test_enum_values_match_without_regard_to_case(api: ApiUnderTest, seen: Seen) -> None:
    assert sent(api, seen, backupType="selecteditems").backup_type == "SelectedItems"


@pytest.mark.parametrize("value", ["Unknown", "unknown", "Everything", 3, True, {}])
def test_a_value_that_an_enum_does_not_take_is_400(api: ApiUnderTest, value: object) -> None:
    body = {**GOOD, "backupType": value}
    answer = api.client.post(POLICIES, json=body, headers=api.signed_in())
    assert answer.status_code == 400
    assert "backupType" in answer.json()["errors"]


def test_an_empty_text_for_a_nullable_member_is_null(api: ApiUnderTest, seen: Seen) -> None:
    body = sent(api, seen, backupType="", description="", dailySchedule={"dailyType": ""})
    assert body.backup_type is None
    assert body.description is None
    assert body.daily_schedule is not None
    assert body.daily_schedule.daily_type is None


def test_an_empty_text_for_a_member_that_needs_one_is_400(api: ApiUnderTest) -> None:
    answer = api.client.post(POLICIES, json={**GOOD, "name": ""}, headers=api.signed_in())
    assert set(answer.json()["errors"]) == {"name"}


def test_a_number_that_no_32_bit_member_holds_is_400(api: ApiUnderTest) -> None:
    body = {**GOOD, "dailySchedule": {"runsPerHour": 2**40}}
    answer = api.client.post(POLICIES, json=body, headers=api.signed_in())
    assert set(answer.json()["errors"]) == {"dailySchedule.runsPerHour"}


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_a_media_type_may_have_parameters_and_any_case(api: ApiUnderTest, media_type: str) -> None:
    headers = api.signed_in() | {"content-type": media_type}
    assert api.client.post(POLICIES, content=b"{}", headers=headers).status_code == 400
