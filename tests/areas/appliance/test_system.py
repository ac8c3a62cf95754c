"""Tag System and what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.appliance.facts import facts_from_metadata
from kyanite.areas.appliance.health import Health
from kyanite.areas.appliance.routes import routers
from kyanite.areas.appliance.settings import TIME_ZONE
from kyanite.areas.appliance.tables import SettingRow
from kyanite.db.database import Database
from kyanite.http.rights import Role
from support.api import START, ApiUnderTest

SYSTEM = "/api/v8.1/system"


@pytest.fixture
def api(sqlite_database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(sqlite_database, routers())
    yield api
    api.close()


def test_the_service_is_up_without_a_token_and_says_nothing_more(api: ApiUnderTest) -> None:
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
