"""POST /jobSessions/export."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from kyanite.areas.sessions.exporting import COLUMNS
from kyanite.db.database import Database
from support.api import START, ApiUnderTest
from support.past_sessions import past_session

GOLD = ("0d0f8a52-6a1c-4c62-9a43-0a3b4b6f9a10", "Gold")
SILVER = ("0d0f8a52-6a1c-4c62-9a43-0a3b4b6f9a11", "=cmd|' /C calc'!A0")
HOUR = timedelta(hours=1)


@pytest.fixture
def past(database: Database) -> dict[str, str]:
    """One session an hour, the latest last."""
    with database.writing() as db:
        return {
            "snapshot": past_session(db, "PolicySnapshot", START, policy=GOLD),
            "backup": past_session(db, "PolicyBackup", START + HOUR, policy=GOLD, status="Error"),
            "sql": past_session(db, "SqlPolicyBackup", START + 2 * HOUR, policy=SILVER),
            "check": past_session(
                db, "HealthCheck", START + 3 * HOUR, policy=SILVER, policy_type="AzureSql"
            ),
            "rescan": past_session(db, "InfrastructureRescan", START + 4 * HOUR),
        }


def export(api: ApiUnderTest, body: dict[str, Any] | None = None, accept: str = "") -> bytes:
    headers = api.signed_in() | ({"Accept": accept} if accept else {"Accept": "*/*"})
    answer = api.client.post("/api/v8.1/jobSessions/export", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "attachment" in answer.headers["content-disposition"]
    return bytes(answer.content)


def ids(api: ApiUnderTest, body: dict[str, Any]) -> list[str]:
    rows = csv.DictReader(io.StringIO(export(api, body).decode("utf-8-sig")))
    return [row["id"] for row in rows]


@pytest.mark.acceptance("api-conventions", 11)
def test_without_body_and_accept_it_is_csv_of_everything(
    api: ApiUnderTest, past: dict[str, str]
) -> None:
    text = export(api).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["id"] for row in rows] == list(reversed(past.values()))
    backup = next(row for row in rows if row["type"] == "PolicyBackup")
    assert backup["policyName"] == "Gold"
    assert backup["executionDuration"] == "00:05:00"
    assert backup["executionStartTime"] == "2026-02-03T11:00:00Z"
    sql = next(row for row in rows if row["type"] == "SqlPolicyBackup")
    assert sql["policyName"].startswith("'="), "a spreadsheet would run it"


def test_it_is_narrowed_by_category_workload_policy_status_and_time(
    api: ApiUnderTest, past: dict[str, str]
) -> None:
    assert ids(api, {"sessionTypes": ["PolicyBackup"]}) == [past["sql"], past["backup"]]
    assert ids(api, {"workloadTypes": ["SQL"]}) == [past["check"], past["sql"]]
    assert ids(api, {"workloadTypes": ["VirtualMachine"]}) == [past["backup"], past["snapshot"]]
    assert ids(api, {"workloadTypes": ["WorkloadIndependent"]}) == [past["rescan"]]
    assert ids(api, {"policyId": GOLD[0]}) == [past["backup"], past["snapshot"]]
    assert ids(api, {"filter": "gOl"}) == [past["backup"], past["snapshot"]]
    assert ids(api, {"filter": "rescan"}) == [], "the filter of an export is a policy's name"
    assert ids(api, {"status": ["Error"]}) == [past["backup"]]
    assert ids(api, {"fromUtc": "2026-02-03T13:00:00Z"}) == [past["rescan"], past["check"]]
    assert ids(api, {"toUtc": "2026-02-03T10:00:00Z"}) == [past["snapshot"]]
    chosen = {"jobSessionIds": [past["sql"], past["rescan"]], "sessionTypes": ["PolicyBackup"]}
    assert ids(api, chosen) == [past["sql"]]
    assert ids(api, {"jobSessionIds": []}) == []


def test_it_is_xml_when_asked_for(api: ApiUnderTest, past: dict[str, str]) -> None:
    root = ElementTree.fromstring(export(api, {}, "text/xml"))
    assert root.tag == "jobSessions"
    assert [item.findtext("id") for item in root] == list(reversed(past.values()))
    assert root[2].findtext("policyName") == SILVER[1]


def test_more_sessions_than_one_portion_all_come_in_order(
    api: ApiUnderTest, database: Database
) -> None:
    with database.writing() as db:
        # All of one moment: the order among them must not lose or repeat any.
        made = [past_session(db, "SnapshotRescan", START) for _ in range(1200)]
    assert ids(api, {}) == sorted(made, reverse=True)
