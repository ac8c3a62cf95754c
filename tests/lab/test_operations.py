"""Long-running operations of the lab, seen from outside."""

from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError

from support.lab import Azure, Control, running_lab
from support.lab_clients import resources

pytestmark = pytest.mark.control

_GROUP = "/subscriptions/{}/resourcegroups/shop?api-version=2025-04-01"


@pytest.fixture(autouse=True)
def _fresh(fresh: Control) -> None:
    """Every test starts from the scene."""


def test_an_operation_takes_as_long_as_set_in_lab_time(azure: Azure, control: Control) -> None:
    control.settings(lroSeconds=600, retryAfterSeconds=7)
    group = _GROUP.format(azure.subscription_ids[0])
    started = azure.call("DELETE", group)
    assert started.status_code == 202
    assert started.headers["Retry-After"] == "7"
    poll = started.headers["Location"]
    assert poll.startswith(azure.arm)
    running = azure.call("GET", poll)
    assert running.status_code == 202
    assert running.headers["Location"]
    assert azure.call("GET", group).json()["properties"]["provisioningState"] == "Deleting"
    control.advance(599)
    token = azure.token()
    assert azure.call("GET", poll, token=token).status_code == 202
    control.advance(2)
    assert azure.call("GET", poll, token=token).status_code in (200, 204)
    assert azure.call("GET", group, token=token).status_code == 404


def test_nothing_can_be_made_in_a_group_that_is_being_deleted(
    azure: Azure, control: Control
) -> None:
    control.settings(lroSeconds=600)
    group = _GROUP.format(azure.subscription_ids[0])
    azure.call("DELETE", group)
    answer = azure.call("PUT", group, {"location": "westeurope"})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "ResourceGroupBeingDeleted"


def test_an_operation_that_is_made_to_fail_is_accepted_and_ends_with_the_code(
    azure: Azure, control: Control
) -> None:
    control.add_fault(
        method="DELETE", path="resourcegroups/shop$", times=1, failOperation="Capricious"
    )
    client = resources(azure)
    poller = client.resource_groups.begin_delete("shop")
    with pytest.raises(HttpResponseError) as caught:
        poller.result()
    assert caught.value.error is not None
    assert caught.value.error.code == "Capricious"
    assert control.faults()[0]["struck"] == 1
    group = client.resource_groups.get("shop")
    assert group.properties is not None
    assert group.properties.provisioning_state == "Succeeded"
    client.resource_groups.begin_delete("shop").result()


def test_an_operation_survives_the_death_of_the_lab(tmp_path: Path) -> None:
    with running_lab(tmp_path / "lab") as lab:
        lab.control.settings(lroSeconds=300)
        group = _GROUP.format(lab.azure.subscription_ids[0])
        poll = lab.azure.call("DELETE", group).headers["Location"]
        lab.kill()
        azure = lab.start()
        assert azure.call("GET", poll).status_code == 202
        lab.control.advance(301)
        assert azure.call("GET", poll).status_code in (200, 204)
        assert azure.call("GET", group).status_code == 404


def test_an_unknown_operation_is_not_found(azure: Azure) -> None:
    base = f"/subscriptions/{azure.subscription_ids[0]}/providers/Microsoft.Resources/locations/x"
    for word in ("operations", "operationResults"):
        answer = azure.call("GET", f"{base}/{word}/nope?api-version=2025-04-01")
        assert answer.status_code == 404
