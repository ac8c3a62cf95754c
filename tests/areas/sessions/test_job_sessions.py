"""JobSessions over HTTP, with sessions that a runtime has really carried out."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from kyanite.areas.sessions import policy_removed, repository_removed
from kyanite.base.errors import Denied
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.db.database import Database
from kyanite.durable.children import Child
from kyanite.durable.context import JobContext
from kyanite.durable.results import ItemResource
from kyanite.durable.start import NewSession, start_session
from kyanite.http.rights import Role
from support.api import ApiUnderTest
from support.jobs import Function, carrying_out, wait_for_status, wait_until_final
from support.waiting import eventually

POLICY_ID = "0d0f8a52-6a1c-4c62-9a43-0a3b4b6f9a10"
TIME_SPAN = re.compile(r"^(\d+\.)?\d\d:\d\d:\d\d(\.\d{7})?$")


def machine(name: str) -> ItemResource:
    arm_id = (
        f"/subscriptions/S/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/{name}"
    )
    key = system_id(arm_id)
    return ItemResource(
        id=key,
        name=name,
        arm_id=arm_id,
        resource={"id": key, "name": name, "resourceType": "VirtualMachine"},
    )


WEB, SQL = machine("web").id, machine("sql_1").id


def back_up(ctx: JobContext, payload: JsonObject) -> JsonValue:
    ctx.log("2 machines chosen")
    ctx.children([Child(name, "machine", {"name": name}) for name in ("web", "sql_1")])
    return None


def back_up_machine(ctx: JobContext, payload: JsonObject) -> JsonValue:
    name = str(payload["name"])
    item = ctx.item(machine(name), total_bytes=1000)
    with ctx.line(f"Copying {name}", resource_id=machine(name).id):
        item.set_moved(read=900, processed=800, transferred=300)
    if name == "sql_1":
        raise Denied("the account may not read disk d1 of sql_1")
    return None


def restore(ctx: JobContext, payload: JsonObject) -> JsonValue:
    detail = {"resourceGroupName": "rg-new", "regionName": "westeurope"}
    for _ in range(2):  # as after a takeover
        ctx.restored("vm", name="web-copy", detail=detail)
    return None


def retire(ctx: JobContext, payload: JsonObject) -> JsonValue:
    detail: JsonObject = {
        "backupSizeBytes": 123,
        "snapshotTime": "2026-01-02T03:04:05Z",
        "repositoryId": "r",
        "repositoryName": "vault",
    }
    ctx.deleted("point-1", machine("web"), detail=detail)
    ctx.deleted("point-2", machine("sql_1"), detail={**detail, "backupSizeBytes": None})
    return None


JOBS: dict[str, Function] = {
    "backup": back_up,
    "machine": back_up_machine,
    "restore": restore,
    "retire": retire,
    "nothing": lambda _ctx, _payload: None,
}


def run(database: Database, *sessions: NewSession) -> list[str]:
    with carrying_out(database, JOBS):
        ids = []
        for new in sessions:
            with database.writing() as db:
                ids.append(start_session(db, new))
            wait_until_final(database, ids[-1])
    return ids


def backup_session() -> NewSession:
    return NewSession(
        "PolicyBackup",
        "backup",
        initiator="alice",
        policy_id=POLICY_ID,
        policy_name="Gold_1 policy",
        policy_type="VirtualMachines",
    )


def get(api: ApiUnderTest, path: str, status: int = 200) -> dict[str, Any]:
    answer = api.client.get(f"/api/v8.1{path}", headers=api.signed_in())
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body


def ids_of(api: ApiUnderTest, query: str) -> list[JsonValue]:
    page = get(api, f"/jobSessions?{query}")
    results = page["results"]
    assert isinstance(results, list)
    return [session["id"] for session in results]


@pytest.mark.acceptance("sessions", 2, 7)
def test_a_backup_session_tells_what_it_did(api: ApiUnderTest, database: Database) -> None:
    (session_id,) = run(database, backup_session())
    session = get(api, f"/jobSessions/{session_id}")
    assert session["type"] == "PolicyBackup"
    assert session["localizedType"] == "Backup policy"
    assert session["status"] == "Error"
    assert TIME_SPAN.match(str(session["executionDuration"]))
    assert str(session["executionStartTime"]) <= str(session["executionStopTime"])
    assert session["backupJobInfo"] == {
        "policyId": POLICY_ID,
        "policyName": "Gold_1 policy",
        "policyType": "VirtualMachines",
        "protectedInstancesCount": 2,
        "policyRemoved": False,
    }
    blocks = [name for name in session if name.endswith("JobInfo") and session[name] is not None]
    assert blocks == ["backupJobInfo"]

    items = get(api, f"/jobSessions/{session_id}/protectedItems")
    assert items["totalCount"] == 2
    by_name = {item["resource"]["name"]: item for item in items["results"]}
    web, sql = by_name["web"], by_name["sql_1"]
    assert (web["successCount"], web["failureCount"]) == (1, 0)
    assert (sql["successCount"], sql["failureCount"]) == (0, 1)
    (attempt,) = web["runs"]
    assert attempt["jobSessionId"] == session_id
    assert attempt["status"] == "Success"
    rates = attempt["rates"]
    assert rates["processingRateBytesPerSecond"] >= 0
    del rates["processingRateBytesPerSecond"]
    assert rates == {
        "totalDataBytes": 1000,
        "readDataBytes": 900,
        "processedDataBytes": 800,
        "transferredDataBytes": 300,
    }
    found = get(api, f"/jobSessions/{session_id}/protectedItems?NameSearchPattern=L_1")
    assert found["totalCount"] == 1
    cut = get(api, f"/jobSessions/{session_id}/protectedItems?Limit=1&Offset=1")
    assert (cut["totalCount"], len(cut["results"])) == (2, 1)


def test_the_log_tells_the_story_in_order_and_for_one_machine(
    api: ApiUnderTest, database: Database
) -> None:
    (session_id,) = run(database, backup_session())
    whole = get(api, f"/jobSessions/{session_id}/log")
    assert whole["jobSessionId"] == session_id
    lines = whole["log"]
    assert isinstance(lines, list)
    assert [line["message"] for line in lines[:2]] == [
        "Session started by alice for policy Gold_1 policy",
        "2 machines chosen",
    ]
    assert [line["logTime"] for line in lines] == sorted(line["logTime"] for line in lines)
    assert lines[0]["resourceHashId"] is None
    one = get(api, f"/jobSessions/{session_id}/log?instanceId={SQL}")["log"]
    assert isinstance(one, list)
    assert [(line["status"], line["message"]) for line in one] == [
        ("Success", "Copying sql_1"),
        ("Error", "The account may not read disk d1 of sql_1"),
    ]
    assert {line["resourceHashId"] for line in one} == {SQL}


def test_a_session_can_be_seen_from_one_of_its_machines(
    api: ApiUnderTest, database: Database
) -> None:
    (session_id,) = run(database, backup_session())
    web = get(api, f"/jobSessions/{session_id}?instanceId={WEB}")
    assert (web["id"], web["status"]) == (session_id, "Success")
    sql = get(api, f"/jobSessions/{session_id}?instanceId={machine('SQL_1').arm_id}")
    assert sql["status"] == "Error"
    get(api, f"/jobSessions/{session_id}?instanceId=another", status=404)


def test_restored_and_deleted_things_are_listed_once(api: ApiUnderTest, database: Database) -> None:
    restored, retired = run(
        database,
        NewSession("RestoreVms", "restore", reason="lost", source_policy_name="Gold"),
        NewSession("BackupRetention", "retire"),
    )
    page = get(api, f"/jobSessions/{restored}/restoredItems")
    assert page["results"] == [
        {"name": "web-copy", "resourceGroupName": "rg-new", "regionName": "westeurope"}
    ]
    session = get(api, f"/jobSessions/{restored}")
    assert session["restoreJobInfo"] == {"reason": "lost", "backupPolicyDisplayName": "Gold"}
    page = get(api, f"/jobSessions/{retired}/deletedItems")
    results = page["results"]
    assert isinstance(results, list)
    assert [item["backupSizeBytes"] for item in results] == [123, None]
    assert results[0]["resource"]["name"] == "web"
    assert get(api, f"/jobSessions/{retired}")["retentionJobInfo"] == {
        "deletedRestorePointsCount": 2
    }


@pytest.mark.parametrize("details", ["protectedItems", "restoredItems", "deletedItems"])
def test_a_detail_list_of_the_wrong_type_or_of_no_session_is_a_bad_request(
    api: ApiUnderTest, database: Database, details: str
) -> None:
    (session_id,) = run(database, NewSession("InfrastructureRescan", "nothing"))
    for path in (session_id, str(uuid.uuid4()), "nonsense"):
        problem = get(api, f"/jobSessions/{path}/{details}", status=400)
        assert problem["type"]
        assert problem["status"] == 400


@pytest.mark.acceptance("sessions", 6)
def test_lists_are_filtered_paged_and_newest_first(api: ApiUnderTest, database: Database) -> None:
    first, second, third = run(
        database,
        backup_session(),
        NewSession(
            "RepositoryCreation", "nothing", repository_id="r", repository_name="Vault 100%"
        ),
        NewSession("VmSnapshotRetention", "retire"),
    )
    assert ids_of(api, "") == [third, second, first]
    assert ids_of(api, f"PolicyId={POLICY_ID.upper()}") == [first]
    assert ids_of(api, "Status=Success&Status=Error") == [third, second, first]
    assert ids_of(api, "status=error") == [first]
    assert ids_of(api, "Types=PolicyBackup,RepositoryCreation") == [second, first]
    assert ids_of(api, "Filter=gold_1") == [first]
    assert ids_of(api, "Filter=100%25") == [second]
    assert ids_of(api, "Filter=retention") == [third]
    assert ids_of(api, f"ResourceId={WEB}") == [third, first]
    assert ids_of(api, f"ResourceId={machine('WEB').arm_id}") == [third, first]
    assert ids_of(api, "Limit=1&Offset=1") == [second]
    start = str(get(api, f"/jobSessions/{second}")["executionStartTime"])
    assert ids_of(api, f"FromUtc={start}") == [third, second]
    assert ids_of(api, f"ToUtc={start}") == [second, first]
    tomorrow = datetime.now(UTC).year + 1
    assert ids_of(api, f"FromUtc={tomorrow}-01-01") == []
    get(api, "/jobSessions?Types=VmSnapshotRetention", status=400)
    get(api, "/jobSessions?PolicyId=nonsense", status=400)


@pytest.mark.acceptance("sessions", 5)
def test_sessions_outlive_their_policy_and_repository(
    api: ApiUnderTest, database: Database
) -> None:
    backup, creation = run(
        database,
        backup_session(),
        NewSession("RepositoryCreation", "nothing", repository_id="r", repository_name="Vault"),
    )
    with database.writing() as db:
        policy_removed(db, POLICY_ID)
        repository_removed(db, "r")
    info = get(api, f"/jobSessions/{backup}")["backupJobInfo"]
    assert isinstance(info, dict)
    assert (info["policyRemoved"], info["policyName"]) == (True, "Gold_1 policy")
    assert get(api, f"/jobSessions/{creation}")["repositoryJobInfo"] == {
        "repositoryId": "r",
        "repositoryName": "Vault",
        "repositoryRemoved": True,
    }


@contextmanager
def a_session_at_work(database: Database, kind: str) -> Iterator[str]:
    go = threading.Event()

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        while not go.is_set():
            ctx.check()
            ctx.pause(0.01)
        return None

    with carrying_out(database, {"job": job}):
        with database.writing() as db:
            session_id = start_session(db, NewSession(kind, "job"))
        wait_for_status(database, session_id, "Running")
        yield session_id
        go.set()
        wait_until_final(database, session_id)


@pytest.mark.acceptance("sessions", 3)
def test_stopping_answers_at_once_and_the_session_becomes_canceled(
    api: ApiUnderTest, database: Database
) -> None:
    with a_session_at_work(database, "PolicyBackup") as session_id:
        path = f"/api/v8.1/jobSessions/{session_id}/stop"
        for _ in range(2):
            answer = api.client.post(path, headers=api.signed_in())
            assert (answer.status_code, answer.content) == (204, b"")
            assert get(api, f"/jobSessions/{session_id}")["status"] in ("Canceling", "Canceled")
        eventually(lambda: get(api, f"/jobSessions/{session_id}")["status"] == "Canceled")
        assert api.client.post(path, headers=api.signed_in()).status_code == 204


def test_a_session_that_runs_to_its_end_cannot_be_stopped(
    api: ApiUnderTest, database: Database
) -> None:
    with a_session_at_work(database, "RepositoryCreation") as session_id:
        path = f"/api/v8.1/jobSessions/{session_id}/stop"
        assert api.client.post(path, headers=api.signed_in()).status_code == 400
        assert get(api, f"/jobSessions/{session_id}")["status"] == "Running"


def test_unknown_sessions_are_not_found_and_rights_are_asked_first(
    api: ApiUnderTest, database: Database
) -> None:
    unknown = f"/jobSessions/{uuid.uuid4()}"
    get(api, unknown, status=404)
    get(api, f"{unknown}/log", status=404)
    stop = f"/api/v8.1{unknown}/stop"
    assert api.client.post(stop, headers=api.signed_in()).status_code == 404
    assert api.client.post(stop).status_code == 401
    reader = api.signed_in(Role.READ_ONLY_USER)
    assert api.client.post(stop, headers=reader).status_code == 403
    assert api.client.get("/api/v8.1/jobSessions", headers=reader).status_code == 200


def test_a_pending_session_has_no_times_yet(api: ApiUnderTest, database: Database) -> None:
    with database.writing() as db:
        session_id = start_session(db, backup_session())
    session = get(api, f"/jobSessions/{session_id}")
    assert session["status"] == "Pending"
    assert session["executionStartTime"] is None
    assert session["executionDuration"] is None
