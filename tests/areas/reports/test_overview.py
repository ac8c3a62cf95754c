"""The dashboards (docs/behaviour/appliance.md, sections 8 and 14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kyanite.areas.vm.points import BACKUP, MANUAL_SNAPSHOT, SNAPSHOT
from kyanite.base.identifiers import new_id, system_id
from kyanite.base.units import GIB
from kyanite.db.database import Database
from kyanite.durable.history import close_days
from kyanite.durable.job_tables import JobRow, JobState
from kyanite.durable.results import ItemResource
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.sessions import SessionStatus
from support.api import START, ApiUnderTest
from support.contract_walk import assert_conforms, routes
from support.past_points import known_machine, past_point
from support.past_sessions import past_item, past_session

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GOLD = ("0d0f8a52-6a1c-4c62-9a43-0a3b4b6f9a10", "Gold")
SILVER = ("0d0f8a52-6a1c-4c62-9a43-0a3b4b6f9a11", "Silver")


def get(api: ApiUnderTest, name: str, status: int = 200) -> dict[str, Any]:
    answer = api.client.get(f"/api/v8.1/overview/{name}", headers=api.signed_in())
    assert answer.status_code == status, answer.text
    path = f"/api/v8.1/overview/{name.partition('?')[0]}"
    (operation,) = [one.operation for one in routes().values() if one.operation.path == path]
    assert_conforms(operation, answer)
    body: dict[str, Any] = answer.json()
    return body


def machine(name: str) -> ItemResource:
    resource_id = system_id(f"/machines/{name}")
    return ItemResource(
        id=resource_id, name=name, resource={"id": resource_id, "regionName": f"Region {name}"}
    )


def test_sessions_of_the_last_day_are_compared_with_the_day_before(
    api: ApiUnderTest, database: Database
) -> None:
    with database.writing() as db:
        for status, hours in (
            ("Success", 1),
            ("Success", 23),
            ("Success", 25),
            ("Warning", 30),
            ("Error", 2),
            ("Error", 47),
            ("Error", 49),
            ("Canceled", 1),
        ):
            past_session(db, "BackupRetention", START - hours * HOUR, status=status)
        past_session(db, "PolicyBackup", START - 30 * DAY, status="RunningWithWarning")
        past_session(db, "PolicyBackup", START, status="Pending")
    assert get(api, "sessionsSummary") == {
        "latestSessionsRunningCount": 1,
        "latestSessionsSuccessCount": 2,
        "latestSessionsSuccessCountDifference": "Increased",
        "latestSessionsWarningCount": 0,
        "latestSessionsWarningCountDifference": "Decreased",
        "latestSessionsErrorCount": 1,
        "latestSessionsErrorCountDifference": "NotChanged",
    }


@pytest.mark.parametrize("closed", [False, True])
def test_statistics_count_points_made_and_attempts_by_policies(
    api: ApiUnderTest, database: Database, closed: bool
) -> None:
    with database.writing() as db:
        for age in (2 * HOUR, 25 * HOUR, 3 * DAY, 20 * DAY, 300 * DAY, 400 * DAY):
            for type_name in ("PolicySnapshot", "SqlPolicyBackup", "ManualSnapshot"):
                session_id = past_session(db, type_name, START - age, status="Error")
                past_item(db, session_id, "protected", machine("good"))
                past_item(
                    db,
                    session_id,
                    "protected",
                    machine("bad"),
                    status=SessionStatus.ERROR,
                )
    if closed:
        close_days(database, START)
    for period, sessions in (("Day", 1), ("Week", 3), ("Month", 4), ("Year", 5)):
        assert get(api, f"statistics?PeriodFlag={period}") == {
            "snapshotsCount": sessions,
            "snapshotsTotalCount": 2 * sessions,
            "backupsCount": sessions,
            "backupsTotalCount": 2 * sessions,
            "archivesCount": 0,
            "archivesTotalCount": 0,
        }


def test_no_period_means_a_day_and_an_unknown_one_is_refused(
    api: ApiUnderTest, database: Database
) -> None:
    with database.writing() as db:
        past_point(db, known_machine(db, "web"), START - 2 * DAY)
    assert get(api, "protectedWorkloads")["virtualMachinesProtectedCount"] == 0
    assert get(api, "protectedWorkloads?periodflag=week")["virtualMachinesProtectedCount"] == 1
    get(api, "statistics?PeriodFlag=Fortnight", status=400)
    get(api, "statistics?PeriodFlag=Unknown", status=400)


def test_protected_workloads_are_those_that_got_a_point_in_the_period(
    api: ApiUnderTest, database: Database
) -> None:
    with database.writing() as db:
        for name, destination, age in (
            ("a", BACKUP, HOUR),
            ("b", MANUAL_SNAPSHOT, 5 * DAY),
            ("c", SNAPSHOT, 50 * DAY),
        ):
            machine_id = known_machine(db, name)
            past_point(db, machine_id, START - age, destination=destination)
            past_point(db, machine_id, START - age, destination=destination)
        known_machine(db, "unprotected")
        past_point(db, known_machine(db, "gone", removed_at=START), START - HOUR)
    for period, number in (("Day", 1), ("Week", 2), ("Month", 2), ("Year", 3)):
        report = get(api, f"protectedWorkloads?PeriodFlag={period}")
        assert report["virtualMachinesTotalCount"] == 4
        assert report["virtualMachinesProtectedCount"] == number


@pytest.mark.acceptance("appliance", 7)
def test_usage_above_two_gib_is_right(api: ApiUnderTest, database: Database) -> None:
    with database.writing() as db:
        machine_id = known_machine(db, "web")
        for tier, size in (("Hot", 3), ("Hot", 2), ("Cool", 7), ("Archive", 4096)):
            past_point(db, machine_id, START, size_bytes=size * GIB, tier=tier)
        past_point(db, machine_id, START, destination=SNAPSHOT)
        past_point(db, machine_id, START, destination=MANUAL_SNAPSHOT)
        past_point(db, machine_id, START, destination=SNAPSHOT, flags="None")
    assert get(api, "storageUsage") == {
        "snapshotsCount": 2,
        "backupCount": 12 * GIB,
        "archivesCount": 4096 * GIB,
        "totalUsage": 4108 * GIB,
        "hotUsage": 5 * GIB,
        "coolUsage": 7 * GIB,
        "archiveUsage": 4096 * GIB,
    }


def test_policies_with_the_largest_deviation_come_first(
    api: ApiUnderTest, database: Database
) -> None:
    with database.writing() as db:
        for days, minutes in ((3, 10), (2, 10), (1, 40)):
            past_session(
                db,
                "PolicyBackup",
                START - days * DAY,
                policy=GOLD,
                duration=timedelta(minutes=minutes),
            )
        for days, minutes in ((2, 30), (1, 10)):
            past_session(
                db,
                "PolicySnapshot",
                START - days * DAY,
                policy=SILVER,
                duration=timedelta(minutes=minutes),
            )
        past_session(db, "PolicyBackup", START, policy=GOLD, status="Running")
        past_session(db, "ManualSnapshot", START, policy=SILVER)
    gold, silver = get(api, "topPoliciesDuration")["data"]
    assert gold == {
        "policyId": GOLD[0],
        "policyName": "Gold",
        "policyType": "VirtualMachines",
        "duration": 40 * 60_000,
        "avgDuration": 20 * 60_000,
        "deviationFromAvgDuration": 20 * 60_000,
        "avgPercentage": 100.0,
        "executionStartTime": "2026-02-02T10:00:00Z",
        "jobSessionType": "PolicyBackup",
    }
    assert silver["avgPercentage"] == -50.0
    assert get(api, "topPoliciesDuration?source=snapshot")["data"] == [silver]
    assert get(api, "topPoliciesDuration?source=Archive")["data"] == []
    assert get(api, "topPoliciesDuration?count=1")["data"] == [gold]
    get(api, "topPoliciesDuration?count=-1", status=400)


def test_bottlenecks_tell_how_long_machines_waited_and_where(
    api: ApiUnderTest, database: Database
) -> None:
    assert get(api, "bottlenecksOverview")["averageWorkersWaitTimeMin"] == "00:00:00"
    with database.writing() as db:
        session_id = past_session(db, "PolicyBackup", START - HOUR)
        began = db.get_one(SessionRow, session_id).began_at
        root = _job(session_id, None, "", began)
        db.add(root)
        db.flush()
        for name, minutes in (("quick", 2), ("slow", 20)):
            item = machine(name)
            past_item(db, session_id, "protected", item)
            child = _job(session_id, root.id, item.id, began)
            child.started_at = began + timedelta(minutes=minutes)
            db.add(child)
    report = get(api, "bottlenecksOverview")
    assert report["averageWorkersWaitTimeMin"] == "00:11:00"
    assert report["maximumWorkersWaitTimeMin"] == "00:20:00"
    assert report["workerWaitTimeState"] == "Exceeded"
    assert report["workerBottleneckRegion"] == "Region slow"
    assert report["cpuQuotaState"] == "NoIssues"


def _job(session_id: str, parent_id: str | None, key: str, queued_at: Any) -> JobRow:
    return JobRow(
        id=session_id if parent_id is None else new_id(),
        session_id=session_id,
        parent_id=parent_id,
        key=key,
        kind="test",
        payload={},
        state=JobState.DONE,
        created_at=queued_at,
        queued_at=queued_at,
        started_at=queued_at,
    )
