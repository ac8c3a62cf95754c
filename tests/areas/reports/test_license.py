"""What a licence would count (docs/behaviour/appliance.md, sections 6 and 14)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from kyanite.areas.vm.points import BACKUP, MANUAL_SNAPSHOT, SNAPSHOT
from kyanite.db.database import Database
from kyanite.http.rights import Role
from support.api import START, ApiUnderTest
from support.contract_walk import assert_conforms, routes
from support.past_points import known_machine, past_point

LICENSE = "/api/v8.1/license"
DAY = timedelta(days=1)


@pytest.fixture
def machines(database: Database) -> None:
    """Two that count, and three that do not: by hand, too long ago, never."""
    with database.writing() as db:
        for name, destination, age in (
            ("web-2", BACKUP, 30 * DAY),
            ("Web-1", SNAPSHOT, DAY),
            ("by-hand", MANUAL_SNAPSHOT, DAY),
            ("long-ago", BACKUP, 32 * DAY),
        ):
            machine_id = known_machine(db, name)
            past_point(db, machine_id, START - age, destination=destination)
            past_point(db, machine_id, START - age - 20 * DAY, destination=destination)
        known_machine(db, "never")


def get(api: ApiUnderTest, path: str) -> dict[str, Any]:
    answer = api.client.get(path, headers=api.signed_in())
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.acceptance("appliance", 6)
def test_a_machine_with_only_manual_snapshots_consumes_no_unit(
    api: ApiUnderTest, machines: None
) -> None:
    info = get(api, LICENSE)
    assert info["vmsInstancesUses"] == info["totalInstancesUses"] == 2
    assert get(api, f"{LICENSE}/resources")["totalCount"] == 2


def test_it_is_free_and_without_limits(api: ApiUnderTest, machines: None) -> None:
    info = get(api, LICENSE)
    assert info["licenseType"] == "Free"
    assert info["instances"] == 2**31 - 1
    assert info.get("licenseExpires") is None
    assert info.get("licensingServer") is None
    answer = api.client.delete(LICENSE, headers=api.signed_in())
    assert (answer.status_code, answer.json()) == (200, info)
    assert_conforms(routes()["License_RemoveLicense"].operation, answer)
    answer = api.client.delete(f"{LICENSE}/licensingServer", headers=api.signed_in())
    assert (answer.status_code, answer.content) == (204, b"")


def test_what_counts_is_listed_by_name_with_the_last_point(
    api: ApiUnderTest, machines: None
) -> None:
    page = get(api, f"{LICENSE}/resources")
    first, second = page["results"]
    assert (first["name"], second["name"]) == ("Web-1", "web-2")
    assert first["resourceType"] == "Virtual Machine"
    assert first["licensedState"] == "Licensed"
    assert first["cost"] == 1
    assert first["lastBackupTime"] == "2026-02-02T10:00:00Z"
    found = get(api, f"{LICENSE}/resources?SearchPattern=EB-2")
    assert (found["totalCount"], found["results"]) == (1, [second])
    cut = get(api, f"{LICENSE}/resources?Limit=1&Offset=1")
    assert (cut["totalCount"], cut["results"]) == (2, [second])


def test_it_is_exported_whole_or_chosen_by_id(api: ApiUnderTest, machines: None) -> None:
    second = get(api, f"{LICENSE}/resources")["results"][1]

    def names(body: dict[str, Any] | None) -> list[str]:
        answer = api.client.post(f"{LICENSE}/export", json=body, headers=api.signed_in())
        assert answer.status_code == 200, answer.text
        rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        return [row["name"] for row in rows]

    assert names(None) == names({}) == ["Web-1", "web-2"]
    assert names({"licensedResourceIds": [second["id"].upper()]}) == ["web-2"]


def test_only_administrators_see_the_licence(api: ApiUnderTest) -> None:
    headers = api.signed_in(Role.READ_ONLY_USER)
    assert api.client.get(LICENSE, headers=headers).status_code == 403
