"""Policies over the API: what is taken, what is refused, what a run consists of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from kyanite.areas.vm.policy_schedule import schedule_id
from kyanite.areas.vm.tables import PolicyRow
from kyanite.db.uses import Thing, users_of
from kyanite.durable.timetable import Timetable
from kyanite.http.rights import Role
from support.inhabited import GROUP, Inhabited, inhabited

POLICIES = "/api/v8.1/policies/virtualMachines"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    with inhabited(tmp_path_factory.mktemp("appliance")) as home:
        yield home


@pytest.fixture(scope="module")
def headers(home: Inhabited) -> dict[str, str]:
    return home.headers()


def create(home: Inhabited, headers: dict[str, str], **changes: object) -> Response:
    body = home.policy_body(**{"name": f"policy {uuid4()}", **changes})
    return home.client.post(POLICIES, json=body, headers=headers)


@pytest.fixture
def policy(home: Inhabited, headers: dict[str, str]) -> dict[str, Any]:
    """A fresh policy."""
    answer = create(home, headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def shown(home: Inhabited, headers: dict[str, str], policy_id: str) -> dict[str, Any]:
    body: dict[str, Any] = home.client.get(f"{POLICIES}/{policy_id}", headers=headers).json()
    return body


def test_a_new_policy_is_shown_as_it_was_sent_with_what_follows_from_it(
    home: Inhabited, headers: dict[str, str]
) -> None:
    answer = create(home, headers, name="nightly")
    body = answer.json()
    assert answer.headers["location"].endswith(f"{POLICIES}/{body['id']}")
    assert (body["name"], body["isEnabled"], body["backupType"]) == (
        "nightly",
        True,
        "SelectedItems",
    )
    assert (body["snapshotStatus"], body["backupStatus"]) == ("NeverExecuted", "NeverExecuted")
    assert (body["isBackupConfigured"], body["isScheduleConfigured"]) == (True, True)
    assert body["isArchiveBackupConfigured"] is False
    assert body["nextExecutionTime"] is not None
    assert body["dailySchedule"]["snapshotSchedule"] == {"hours": [7, 19], "snapshotsToKeep": 3}
    assert body == shown(home, headers, body["id"])


def test_each_new_policy_comes_last_and_a_deleted_one_leaves_no_gap(
    home: Inhabited, headers: dict[str, str]
) -> None:
    first, second = create(home, headers).json(), create(home, headers).json()
    assert second["priority"] == first["priority"] + 1
    home.client.delete(f"{POLICIES}/{first['id']}", headers=headers)
    assert shown(home, headers, second["id"])["priority"] == first["priority"]
    listed = home.client.get(f"{POLICIES}?Limit=-1", headers=headers).json()["results"]
    assert [one["priority"] for one in listed] == list(range(1, len(listed) + 1))


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "DAILY"}, "name"),
        ({"serviceAccountId": str(uuid4())}, "serviceAccountId"),
        ({"tenantId": str(uuid4())}, "tenantId"),
        ({"regions": []}, "regions"),
        ({"regions": [{"regionId": ""}]}, "regions[0].regionId"),
        ({"regions": [{"regionId": "atlantis"}]}, "regions[0].regionId"),
        (
            {"selectedItems": {"virtualMachines": [{"id": "x"}]}},
            "selectedItems.virtualMachines[0].id",
        ),
        ({"selectedItems": {"resourceGroups": [{"id": ""}]}}, "selectedItems.resourceGroups[0].id"),
        (
            {"excludedItems": {"virtualMachines": [{"id": "x"}]}},
            "excludedItems.virtualMachines[0].id",
        ),
        (
            {
                "selectedItems": {
                    "tagGroups": [{"name": "c", "tags": [{"name": "a", "value": "b"}]}]
                }
            },
            "selectedItems.tagGroups[0].tags",
        ),
        ({"selectedItems": {"tags": [{"value": "b"}]}}, "selectedItems.tags[0].name"),
        (
            {
                "snapshotSettings": {
                    "additionalTags": [{"name": str(n), "value": ""} for n in range(6)]
                }
            },
            "snapshotSettings.additionalTags",
        ),
        (
            {"snapshotSettings": {"additionalTags": [{"name": "Kyanite-x"}]}},
            "snapshotSettings.additionalTags[0].name",
        ),
        (
            {"snapshotSettings": {"applicationAwareSnapshot": True}},
            "snapshotSettings.applicationAwareSnapshot",
        ),
        ({"retrySettings": {"retryCount": -1}}, "retrySettings.retryCount"),
        ({"dailySchedule": {"dailyType": "SelectedDays"}}, "dailySchedule.selectedDays"),
        ({"dailySchedule": {"runsPerHour": 61}}, "dailySchedule.runsPerHour"),
        (
            {"dailySchedule": {"snapshotSchedule": {"hours": [24]}}},
            "dailySchedule.snapshotSchedule.hours",
        ),
        (
            {"dailySchedule": {"snapshotSchedule": {"hours": [1], "snapshotsToKeep": 10000}}},
            "dailySchedule.snapshotSchedule.snapshotsToKeep",
        ),
        (
            {"dailySchedule": {"backupSchedule": {"hours": [1]}}},
            "dailySchedule.backupSchedule.targetRepositoryId",
        ),
        (
            {"dailySchedule": {"backupSchedule": {"hours": [1], "targetRepositoryId": "x"}}},
            "dailySchedule.backupSchedule.targetRepositoryId",
        ),
        (
            {"dailySchedule": {"backupSchedule": {"retention": {"timeRetentionDuration": 3}}}},
            "dailySchedule.backupSchedule.retention.retentionDurationType",
        ),
        ({"weeklySchedule": {"snapshotSchedule": {"selectedDays": ["Monday"]}}}, "weeklySchedule"),
        ({"yearlySchedule": {"targetRepositoryId": "x"}}, "yearlySchedule"),
        ({"healthCheckSchedule": {"healthCheckEnabled": True}}, "healthCheckSchedule"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_member(
    home: Inhabited, headers: dict[str, str], changes: dict[str, object], member: str
) -> None:
    answer = create(home, headers, **changes)
    assert answer.status_code == 400, answer.text
    assert member in answer.json()["errors"]


@pytest.mark.parametrize("selected", [None, {}, {"virtualMachines": []}, {"tags": None}])
def test_a_policy_of_selected_items_without_items_protects_nothing(
    home: Inhabited, headers: dict[str, str], selected: object
) -> None:
    body = create(home, headers, selectedItems=selected).json()
    path = f"{POLICIES}/{body['id']}"
    for part in ("selectedItems", "protectedItems"):
        page = home.client.get(f"{path}/{part}", headers=headers).json()
        assert page["totalCount"] == 0


def test_zeros_of_older_clients_count_as_absent(home: Inhabited, headers: dict[str, str]) -> None:
    schedule = {
        "runsPerHour": 0,
        "dailyType": "",
        "snapshotSchedule": {"hours": [3], "snapshotsToKeep": 0},
        "backupSchedule": None,
    }
    monthly = {"startTime": 0, "dayOfMonth": 0, "type": "First", "dayOfWeek": "Monday"}
    answer = create(home, headers, dailySchedule=schedule, monthlySchedule=monthly)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["dailySchedule"]["runsPerHour"], body["monthlySchedule"]) == (1, None)
    assert body["isBackupConfigured"] is False


@pytest.mark.parametrize("region", ["West Europe", "westeurope", "WESTEUROPE"])
def test_regions_are_compared_without_case_and_blanks(
    home: Inhabited, headers: dict[str, str], region: str
) -> None:
    body = create(home, headers, regions=[{"regionId": region}]).json()
    regions = home.client.get(f"{POLICIES}/{body['id']}/regions", headers=headers).json()
    assert [(one["id"], one["name"]) for one in regions["results"]] == [
        ("westeurope", "West Europe")
    ]


def test_items_may_be_named_by_their_azure_ids(home: Inhabited, headers: dict[str, str]) -> None:
    body = create(home, headers, selectedItems={"resourceGroups": [{"id": GROUP}]}).json()
    path = f"{POLICIES}/{body['id']}/selectedItems"
    items = home.client.get(path, headers=headers).json()["results"]
    assert [one["resourceGroup"]["name"] for one in items] == ["shop"]


def test_excluded_items_are_searched_by_name(home: Inhabited, headers: dict[str, str]) -> None:
    excluded = {
        "virtualMachines": [{"id": home.machine_id}],
        "tags": [{"name": "keep", "value": "no"}],
    }
    body = create(home, headers, excludedItems=excluded).json()
    assert body["excludedItemsCount"] == 2
    path = f"{POLICIES}/{body['id']}/excludedItems"
    for pattern, count in (("", 2), ("WEB", 1), ("keep", 1), ("nothing", 0)):
        found = home.client.get(f"{path}?NameSearchPattern={pattern}", headers=headers).json()
        assert found["totalCount"] == count


def test_an_update_replaces_everything_but_what_may_be_left_out(
    home: Inhabited, headers: dict[str, str], policy: dict[str, Any]
) -> None:
    body = home.policy_body(name="renamed", backupType="AllSubscriptions", dailySchedule=None)
    for left_out in ("tenantId", "serviceAccountId"):
        del body[left_out]
    path = f"{POLICIES}/{policy['id']}"
    answer = home.client.put(path, json=body, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    after = shown(home, headers, policy["id"])
    assert (after["name"], after["backupType"]) == ("renamed", "AllSubscriptions")
    assert after["serviceAccountId"] == policy["serviceAccountId"]
    assert (after["dailySchedule"], after["nextExecutionTime"]) == (None, None)
    # The same name again is its own.
    assert home.client.put(path, json=body, headers=headers).status_code == 204


def test_only_an_enabled_policy_is_in_the_timetable(
    home: Inhabited, headers: dict[str, str], policy: dict[str, Any]
) -> None:
    timetable = home.appliance.provisions.get(Timetable)
    path = f"{POLICIES}/{policy['id']}"
    for action, expected in (("disable", False), ("disable", False), ("enable", True)):
        assert home.client.post(f"{path}/{action}", headers=headers).status_code == 204
        with home.database.reading() as db:
            planned = timetable.next_at(db, schedule_id(policy["id"]))
        assert (planned is not None) == expected
        after = shown(home, headers, policy["id"])
        assert (after["isEnabled"], after["nextExecutionTime"] is not None) == (expected, expected)


@pytest.mark.acceptance("sessions", 1)
def test_a_run_starts_with_all_its_sessions_and_runs_once_at_a_time(
    home: Inhabited, headers: dict[str, str], policy: dict[str, Any]
) -> None:
    path = f"{POLICIES}/{policy['id']}"
    started = home.client.post(f"{path}/start", headers=headers)
    assert started.status_code == 202
    assert [(one["type"], one["status"]) for one in started.json()] == [
        ("PolicySnapshot", "Pending"),
        ("PolicyBackup", "Pending"),
    ]
    for one in started.json():
        found = home.client.get(f"/api/v8.1/jobSessions/{one['id']}", headers=headers)
        assert (found.status_code, found.json()["type"]) == (200, one["type"])
    again = home.client.post(f"{path}/start", headers=headers)
    assert (again.status_code, again.json()["sessionId"]) == (409, started.json()[0]["id"])
    refused = home.client.delete(path, headers=headers)
    assert (refused.status_code, refused.json()["resourceId"]) == (409, policy["id"])
    after = shown(home, headers, policy["id"])
    assert (after["snapshotStatus"], after["backupStatus"]) == ("Pending", "Pending")
    found = home.client.get(f"{POLICIES}?LastJobStatus=pending", headers=headers).json()
    assert policy["id"] in [one["id"] for one in found["results"]]
    for _ in range(2):
        assert home.client.post(f"{path}/stop", headers=headers).status_code == 204
    assert shown(home, headers, policy["id"])["snapshotStatus"] == "Canceling"


def test_a_policy_without_backups_runs_a_snapshot_session_alone(
    home: Inhabited, headers: dict[str, str]
) -> None:
    body = create(home, headers, dailySchedule=None).json()
    started = home.client.post(f"{POLICIES}/{body['id']}/start", headers=headers).json()
    assert [one["type"] for one in started] == ["PolicySnapshot"]


def test_resetting_change_tracking_is_remembered(
    home: Inhabited, headers: dict[str, str], policy: dict[str, Any]
) -> None:
    assert policy["cbtResetTimeUtc"] is None
    home.client.post(f"{POLICIES}/{policy['id']}/resetCbt", headers=headers)
    assert shown(home, headers, policy["id"])["cbtResetTimeUtc"] is not None


def test_a_policy_uses_its_account_and_repository_until_it_is_deleted(
    home: Inhabited, headers: dict[str, str], policy: dict[str, Any]
) -> None:
    repository = Thing("repository", home.repository_id)
    with home.database.reading() as db:
        assert policy["id"] in {user.id for user in users_of(db, repository)}
    refused = home.client.delete(f"/api/v8.1/repositories/{home.repository_id}", headers=headers)
    assert refused.status_code == 409
    path = f"{POLICIES}/{policy['id']}"
    assert home.client.delete(path, headers=headers).status_code == 204
    with home.database.reading() as db:
        assert policy["id"] not in {user.id for user in users_of(db, repository)}
        assert db.get(PolicyRow, policy["id"]) is None
    assert home.client.get(path, headers=headers).status_code == 404
    assert home.client.post(f"{path}/start", headers=headers).status_code == 404


def test_filters_narrow_the_list(home: Inhabited, headers: dict[str, str]) -> None:
    mine = create(home, headers, name="Filter me", isEnabled=False).json()["id"]

    def ids(query: str) -> list[str]:
        page = home.client.get(f"{POLICIES}?Limit=-1&{query}", headers=headers).json()
        return [one["id"] for one in page["results"]]

    assert ids("PolicyName=FILTER%20ME") == [mine]
    assert ids("PolicyName=Filter") == []
    assert mine in ids("PolicyStatus=Disabled")
    assert mine not in ids("PolicyStatus=Enabled")
    assert mine in ids(f"RepositoryId={home.repository_id}")
    assert ids(f"RepositoryId={uuid4()}") == []
    assert mine in ids("LastJobStatus=NeverExecuted")
    assert ids("VirtualMachineId=nobody") == []


@pytest.mark.parametrize(
    ("role", "read", "start"),
    [
        (Role.PORTAL_OPERATOR, 200, 404),
        (Role.READ_ONLY_USER, 200, 403),
        (Role.RESTORE_OPERATOR, 403, 403),
    ],
)
def test_roles_see_and_start_policies_as_the_matrix_says(
    home: Inhabited, role: Role, read: int, start: int
) -> None:
    headers = home.headers(role)
    assert home.client.get(POLICIES, headers=headers).status_code == read
    answer = home.client.post(f"{POLICIES}/{uuid4()}/start", headers=headers)
    assert answer.status_code == start
