"""The lists of details of every type of session (docs/behaviour/sessions.md, sections 7 and 12)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject
from kyanite.db.database import Database
from kyanite.durable.results import ItemResource
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.session_types import SESSION_TYPES, Details
from support.api import START, ApiUnderTest
from support.contract_walk import assert_conforms, routes
from support.past_sessions import past_item, past_session

PLACE: Final[JsonObject] = {"resourceGroupName": "rg", "regionName": "West Europe"}
SUBSCRIPTION: Final = "1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9"

SHOWN: Final[dict[str, tuple[str, JsonObject]]] = {
    "restoredItems": ("RestoreVms", {"name": "thing", **PLACE}),
    "restoredDatabases": (
        "SqlRestore",
        {"name": "thing", "sqlServerName": "sql", "elasticPoolName": None},
    ),
    "restoredCosmosDbAccounts": (
        "CosmosDbRestore",
        {
            "name": "thing",
            "subscriptionId": SUBSCRIPTION,
            "subscriptionName": "production",
            **PLACE,
        },
    ),
    "fileLevelRestoredItems": (
        "FileLevelRestore",
        {"filePath": "/etc/passwd", "virtualMachineName": "web", **PLACE},
    ),
    "fileLevelRestoredFileShareItems": (
        "FileShareRestore",
        {"name": "thing", "filePath": "a/b.txt"},
    ),
    "vnetRestoredItems": (
        "VnetFullRestore",
        {"name": "thing", **PLACE, "subscriptionName": "production", "status": "Success"},
    ),
}


def thing(name: str = "thing") -> ItemResource:
    return ItemResource(id=system_id(f"/things/{name}"), name=name)


def get(api: ApiUnderTest, path: str, status: int = 200) -> dict[str, Any]:
    answer = api.client.get(f"/api/v8.1{path}", headers=api.signed_in())
    assert answer.status_code == status, answer.text
    operation = {
        route.operation.path.rpartition("/")[2]: route.operation
        for route in routes().values()
        if route.operation.path.startswith("/api/v8.1/jobSessions/{")
    }.get(path.partition("?")[0].rpartition("/")[2])
    if operation is not None:
        assert_conforms(operation, answer)
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("path", SHOWN)
def test_each_list_shows_what_was_restored(
    api: ApiUnderTest, database: Database, path: str
) -> None:
    type_name, item = SHOWN[path]
    with database.writing() as db:
        session_id = past_session(db, type_name, START)
        detail = {name: value for name, value in item.items() if name != "name"}
        past_item(db, session_id, "restored", thing(), detail=detail)
    page = get(api, f"/jobSessions/{session_id}/{path}")
    assert (page["totalCount"], page["results"]) == (1, [item])
    if "Databases" not in path and "Accounts" not in path:
        assert get(api, f"/jobSessions/{session_id}/{path}?NameSearchPattern=no")["results"] == []


def test_a_health_check_tells_what_it_found_in_each_chain(
    api: ApiUnderTest, database: Database
) -> None:
    policy = ("0d0f8a52-6a1c-4c62-9a43-0a3b4b6f9a10", "Gold")
    with database.writing() as db:
        session_id = past_session(db, "HealthCheck", START, policy=policy)
        detail: JsonObject = {
            "status": "Error",
            "error": "2 chunks are damaged",
            "totalRestorePoints": 7,
            "corruptedRestorePoints": 2,
        }
        past_item(db, session_id, "checked", thing(), detail=detail)
    (item,) = get(api, f"/jobSessions/{session_id}/checkedItems")["results"]
    assert item["corruptedRestorePoints"] == 2
    assert item["error"] == "2 chunks are damaged"
    assert get(api, f"/jobSessions/{session_id}")["healthCheckJobInfo"] == {
        "policyId": policy[0],
        "policyName": "Gold",
        "checkedInstancesCount": 1,
        "policyRemoved": False,
    }


@pytest.mark.parametrize("type_name", SESSION_TYPES)
def test_a_session_that_did_nothing_has_an_empty_list_and_no_other(
    api: ApiUnderTest, database: Database, type_name: str
) -> None:
    with database.writing() as db:
        session_id = past_session(db, type_name, START)
    own = SESSION_TYPES[type_name].details
    links = get(api, f"/jobSessions/{session_id}")["_links"]
    assert set(links) == {"self", "log", *([own.value] if own else [])}
    for details in Details:
        path = f"/jobSessions/{session_id}/{details.value}"
        if details is own:
            assert get(api, path)["results"] == []
            assert links[details.value]["href"].endswith(path)
        else:
            assert get(api, path, status=400)["type"]


@pytest.mark.acceptance("sessions", 4)
def test_deleted_items_of_a_backup_session_are_a_problem_document(
    api: ApiUnderTest, database: Database
) -> None:
    with database.writing() as db:
        session_id = past_session(db, "PolicyBackup", START)
    path = f"/api/v8.1/jobSessions/{session_id}/deletedItems"
    answer = api.client.get(path, headers=api.signed_in())
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "traceId"} <= set(answer.json())


def test_a_file_recovery_says_where_its_browser_is(api: ApiUnderTest, database: Database) -> None:
    with database.writing() as db:
        session_id = past_session(db, "FileLevelRestore", START)
        db.get_one(SessionRow, session_id).info = {
            "flrLink": {"url": "https://worker.example.org", "thumbprint": "AB"},
            "vmId": "v",
            "vmName": "web",
            "isFlrSessionReady": True,
        }
    info = get(api, f"/jobSessions/{session_id}")["fileLevelRestoreJobInfo"]
    assert info["flrLink"]["url"] == "https://worker.example.org"
    assert info["isFlrSessionReady"] is True
