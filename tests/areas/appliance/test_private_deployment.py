"""The deployment mode: accepted at once, examined beside the request."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from kyanite.areas.appliance.deployment import Deployment, DeploymentMode
from kyanite.areas.appliance.errands import Errands
from kyanite.areas.appliance.routes import routers
from kyanite.base.errors import Invalid
from kyanite.db.database import Database
from kyanite.durable.lease import Process
from support.api import ApiUnderTest
from support.waiting import eventually

STATE = "/api/v8.1/system/privateDeployment/state"
GROUP = "/subscriptions/1/resourceGroups/dns"
WANTED = {
    "privateDeploymentEnabled": True,
    "privateDnsZoneSetting": "ManageARecords",
    "privateDnsZoneResourceGroupId": GROUP,
    "autoCreateServiceEndpoints": False,
    "storageAccountPublicAccess": "Disabled",
}


class Examiner:
    """Stands for Azure: answers when it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.refusal: str | None = None

    def __call__(self, _mode: DeploymentMode) -> None:
        self.go_on.wait(30)
        if self.refusal:
            raise Invalid(self.refusal)


class House:
    def __init__(self, database: Database) -> None:
        self.api = ApiUnderTest(database, routers())
        self.examiner = Examiner()
        errands = Errands(database, self.api.clock, Process("another host", 1, 1))
        deployment = Deployment(database, self.api.clock, errands, self.examiner)
        self.api.provisions.add(deployment)

    def state(self) -> dict[str, object]:
        answer = self.api.client.get(STATE, headers=self.api.signed_in())
        assert answer.status_code == 200
        body: dict[str, object] = answer.json()
        return body

    def put(self, **changes: object) -> tuple[int, bytes]:
        body = {name: value for name, value in (WANTED | changes).items() if value is not None}
        answer = self.api.client.put(STATE, headers=self.api.signed_in(), json=body)
        return answer.status_code, answer.content

    def decided(self) -> dict[str, object]:
        self.examiner.go_on.set()
        eventually(lambda: not self.state()["isUpdating"], within_seconds=20)
        return self.state()


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    house = House(database)
    yield house
    house.examiner.go_on.set()
    for thread in threading.enumerate():
        if thread.name == "deployment mode":
            thread.join(30)
    house.api.close()


@pytest.mark.acceptance("appliance", 8)
def test_a_change_is_202_without_a_body_and_the_state_shows_it_being_made(
    house: House,
) -> None:
    assert house.state() == {
        "messageService": "QueueStorage",
        "privateDeploymentEnabled": False,
        "privateDnsZoneSetting": "Disabled",
        "privateDnsZoneResourceGroupId": None,
        "autoCreateServiceEndpoints": True,
        "storageAccountPublicAccess": "DoNotModify",
        "isUpdating": False,
        "error": None,
    }
    assert house.put() == (202, b"")
    assert house.state()["isUpdating"] is True
    assert house.state()["privateDeploymentEnabled"] is False
    assert house.put()[0] == 409
    assert house.decided() == WANTED | {
        "messageService": "QueueStorage",
        "isUpdating": False,
        "error": None,
    }


def test_what_azure_refuses_leaves_the_mode_of_before_and_says_why(house: House) -> None:
    house.examiner.refusal = "The resource group cannot be seen."
    assert house.put()[0] == 202
    state = house.decided()
    assert state["error"] == "The resource group cannot be seen."
    assert state["privateDeploymentEnabled"] is False
    house.examiner.refusal = None
    assert house.put()[0] == 202
    state = house.decided()
    assert (state["error"], state["privateDeploymentEnabled"]) == (None, True)


def test_records_need_the_group_of_their_zones(house: House) -> None:
    for group in (None, "dns", "/subscriptions/1/resourceGroups/dns/../other"):
        status, body = house.put(privateDnsZoneResourceGroupId=group)
        assert status == 400
        assert b"privateDnsZoneResourceGroupId" in body
    assert house.state()["isUpdating"] is False


def test_a_group_without_records_does_not_count(house: House) -> None:
    assert house.put(privateDnsZoneSetting="ManageAutomatically")[0] == 202
    assert house.decided()["privateDnsZoneResourceGroupId"] is None


def test_a_change_whose_process_died_is_decided_by_another(house: House) -> None:
    assert house.put()[0] == 202
    other = Errands(house.api.database, house.api.clock)
    Deployment(house.api.database, house.api.clock, other, lambda _mode: None)
    other.go_on()
    eventually(lambda: not house.state()["isUpdating"], within_seconds=20)
    assert house.state()["privateDeploymentEnabled"] is True
    # The first one was only slow: what it finds counts no more.
    house.examiner.refusal = "too late"
    house.examiner.go_on.set()
    for thread in threading.enumerate():
        if thread.name == "deployment mode":
            thread.join(30)
    assert house.state()["error"] is None
