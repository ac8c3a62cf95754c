"""Tag System and what stands behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kyanite.areas.appliance.facts import facts_from_metadata
from kyanite.areas.appliance.health import Health
from kyanite.areas.appliance.routes import routers
from kyanite.areas.appliance.settings import TIME_ZONE, time_zone
from kyanite.areas.appliance.support_contact import SupportContact
from kyanite.areas.appliance.tables import SettingRow
from kyanite.db.database import Database
from kyanite.durable.timetable import Schedule, ScheduleKind, Timetable, daily_slot
from kyanite.http.rights import Role
from kyanite.rules.schedule import DailySchedule
from support.api import START, ApiUnderTest

SYSTEM = "/api/v8.1/system"


@pytest.fixture
def api(sqlite_database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(sqlite_database, routers())
    yield api
    api.close()


@pytest.mark.acceptance("appliance", 9)
def test_the_service_is_up_without_a_token_and_says_nothing_more(
    api: ApiUnderTest,
) -> None:
    answer = api.client.get(f"{SYSTEM}/serviceIsUp")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_service_is_not_up_when_its_workers_are_not(api: ApiUnderTest) -> None:
    api.provisions.add(Health(api.database, lambda: False))
    assert api.client.get(f"{SYSTEM}/serviceIsUp").status_code == 503


def test_about_names_one_installation_each_time(api: ApiUnderTest) -> None:
    headers = api.signed_in(Role.READ_ONLY_USER)
    first, second = (api.client.get(f"{SYSTEM}/about", headers=headers).json() for _ in range(2))
    assert first == second
    assert first["serverVersion"] == first["workerVersion"]


def test_the_time_is_utc_beside_the_time_zone_of_schedules(api: ApiUnderTest) -> None:
    with api.database.writing() as db:
        db.add(SettingRow(name=TIME_ZONE, value="Europe/Vienna", changed_at=START))
    body = api.client.get(f"{SYSTEM}/time", headers=api.signed_in()).json()
    assert body == {"utcDateTime": "2026-02-03T10:00:00Z", "timeZone": "Europe/Vienna"}


def test_system_status_tells_what_works_and_the_time_to_any_role(api: ApiUnderTest) -> None:
    headers = api.signed_in(Role.READ_ONLY_USER)
    answer = api.client.get(f"{SYSTEM}/status", headers=headers)
    assert answer.json() == {"state": "Ready", "serverTime": "2026-02-03T10:00:00Z"}
    api.provisions.add(Health(api.database, lambda: False))
    assert api.client.get(f"{SYSTEM}/status", headers=headers).json()["state"] == "Unknown"


def test_time_zones_have_iana_names_and_their_distance_from_utc(api: ApiUnderTest) -> None:
    zones = api.client.get(f"{SYSTEM}/timezones", headers=api.signed_in()).json()
    names = {zone["id"]: zone["displayName"] for zone in zones}
    assert len(names) == len(zones) > 400
    assert names["Europe/Vienna"] == "(UTC+01:00) Europe/Vienna"
    assert names["America/St_Johns"] == "(UTC-03:30) America/St Johns"
    assert "localtime" not in names


def test_every_listed_time_zone_can_be_chosen_and_no_other(api: ApiUnderTest) -> None:
    headers = api.signed_in()

    def choose(name: object) -> int:
        return api.client.put(
            f"{SYSTEM}/timezone", headers=headers, json={"timezoneId": name}
        ).status_code

    assert choose("europe/vienna") == 204
    assert api.client.get(f"{SYSTEM}/time", headers=headers).json()["timeZone"] == "Europe/Vienna"
    for wrong in ("Middle Europe", "", None, "../../etc/passwd", "W. Europe Standard Time", 5):
        assert choose(wrong) == 400, wrong
    assert api.client.get(f"{SYSTEM}/time", headers=headers).json()["timeZone"] == "Europe/Vienna"


@pytest.mark.acceptance("appliance", 10)
def test_what_is_due_at_half_past_two_does_not_run_on_the_day_of_spring(
    api: ApiUnderTest,
) -> None:
    answer = api.client.put(
        f"{SYSTEM}/timezone", headers=api.signed_in(), json={"timezoneId": "Europe/Vienna"}
    )
    assert answer.status_code == 204
    timetable = Timetable(
        api.database,
        {"daily": ScheduleKind(daily_slot, lambda _db, _schedule, _slot: None)},
        clock=api.clock,
        zone=lambda db: ZoneInfo(time_zone(db)),
    )
    api.clock.advance(datetime(2026, 3, 28, 12, tzinfo=UTC) - START)
    twice_from_two = DailySchedule(snapshot_hours=frozenset({2}), runs_per_hour=2)
    with api.database.writing() as db:
        next_at = timetable.put(db, Schedule("p", "daily", twice_from_two.to_json()))
    assert next_at == datetime(2026, 3, 30, 0, tzinfo=UTC)


def test_support_info_names_tenant_and_installation(api: ApiUnderTest) -> None:
    api.provisions.add(SupportContact(lambda _db: "the tenant", "https://updates.example.org/"))
    headers = api.signed_in()
    info = api.client.get(f"{SYSTEM}/supportInfo", headers=headers).json()
    assert info["azureTenantId"] == "the tenant"
    assert re.fullmatch(r"[0-9A-F]{4}(-[0-9A-F]{4}){2}", info["supportCode"])
    link = api.client.get(f"{SYSTEM}/updaterLink", headers=headers)
    assert link.json() == "https://updates.example.org/"


def test_on_an_azure_machine_the_metadata_service_says_where_it_is() -> None:
    facts = facts_from_metadata(
        {
            "name": "kyanite-1",
            "subscriptionId": "1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9",
            "location": "westeurope",
            "resourceId": "/subscriptions/x",
            "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
            "resourceGroupName": "backup",
            "azEnvironment": "AzureUSGovernmentCloud",
        }
    )
    assert (facts.server_name, facts.region, facts.cloud) == (
        "kyanite-1",
        "westeurope",
        "USGovernment",
    )
