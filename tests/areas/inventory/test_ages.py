"""Lists answer while Azure is away, and say how old they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kyanite.areas.inventory.ages import HEADER
from kyanite.areas.inventory.measures import measures
from kyanite.base.errors import AzureError
from kyanite.http.answers import wire_time
from support.api import START
from support.azure_parts import AzureParts
from support.lab import Control

WHILE = timedelta(minutes=59)
LISTS = (
    "keyVaults",
    "networkSecurityGroups",
    "regions",
    "resourceGroups",
    "sqlServers",
    "storageAccounts",
    "subscriptions",
    "tags",
    "virtualNetworks",
)


def ages(parts: AzureParts) -> dict[str, str | None]:
    """What each list says, by its name."""
    found = {}
    for name in LISTS:
        answer = parts.call("GET", f"/cloudInfrastructure/{name}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["totalCount"] > 0, name
        found[name] = answer.headers.get(HEADER)
    return found


@pytest.mark.control
def test_while_azure_is_away_lists_answer_and_say_how_old_they_are(
    parts: AzureParts, control: Control
) -> None:
    account = parts.save_account()
    assert ages(parts) == dict.fromkeys(LISTS, wire_time(START))
    control.add_fault(path="/subscriptions", status=503, code="ServiceUnavailable")
    now = parts.api.clock.advance(WHILE)
    with pytest.raises(AzureError):
        parts.inventory.rescan()
    assert ages(parts) == dict.fromkeys(LISTS, wire_time(START))
    with parts.database.reading() as db:
        assert [one.samples for one in measures(db, now)] == [
            [(("lab", account), WHILE.total_seconds())]
        ]
    control.clear_faults()
    parts.inventory.rescan()
    assert ages(parts) == dict.fromkeys(LISTS, wire_time(now))


@pytest.mark.control
def test_a_kind_that_can_no_longer_be_read_is_as_old_as_it_is(
    parts: AzureParts, control: Control
) -> None:
    parts.save_account()
    control.add_fault(path="/storageAccounts", status=403, code="AuthorizationFailed")
    now = parts.api.clock.advance(WHILE)
    parts.inventory.rescan()
    found = ages(parts)
    assert found.pop("storageAccounts") == found.pop("tags") == wire_time(START)
    assert set(found.values()) == {wire_time(now)}


def test_one_object_says_it_and_what_was_looked_up_now_does_not(parts: AzureParts) -> None:
    parts.save_account()
    groups = "/cloudInfrastructure/resourceGroups"
    one = parts.get(groups)["results"]
    assert isinstance(one, list)
    assert isinstance(one[0], dict)
    answer = parts.call("GET", f"{groups}/{one[0]['id']}")
    assert answer.headers[HEADER] == wire_time(START)
    assert HEADER not in parts.call("GET", groups, Sync="true").headers


def test_nobody_has_looked_before_there_is_an_account(parts: AzureParts) -> None:
    assert HEADER not in parts.call("GET", "/cloudInfrastructure/subscriptions").headers
