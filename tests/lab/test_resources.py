"""Microsoft.Resources of the lab, driven by the official SDK."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions.models import CheckZonePeersRequest

from support.lab import Azure, Control
from support.lab_clients import resources, subscriptions


@pytest.fixture
def client(azure: Azure) -> ResourceManagementClient:
    return resources(azure)


@pytest.fixture
def group(client: ResourceManagementClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    client.resource_groups.create_or_update(name, {"location": "westeurope", "tags": {"a": "1"}})
    yield name
    if client.resource_groups.check_existence(name):
        client.resource_groups.begin_delete(name).result()


def test_the_cloud_describes_itself_without_a_token(azure: Azure) -> None:
    answer = requests.get(
        f"{azure.arm}/metadata/endpoints?api-version=2022-09-01",
        verify=azure.ca or True,
        timeout=30,
    )
    found = answer.json()
    assert found["authentication"]["loginEndpoint"].rstrip("/") == azure.login
    assert azure.arm in [one.rstrip("/") for one in found["authentication"]["audiences"]]
    assert found["resourceManager"].rstrip("/") == azure.arm
    assert found["suffixes"]["storage"]


def test_tenants_and_subscriptions_are_listed(azure: Azure) -> None:
    client = subscriptions(azure)
    assert azure.tenant_id in [one.tenant_id for one in client.tenants.list()]
    found = {one.subscription_id: one for one in client.subscriptions.list()}
    assert len(found) >= 2
    for subscription_id in azure.subscription_ids:
        assert found[subscription_id].state == "Enabled"
        one = client.subscriptions.get(subscription_id)
        assert one.tenant_id == azure.tenant_id
        assert one.display_name


def test_regions_have_zones_that_differ_between_subscriptions(azure: Azure) -> None:
    client = subscriptions(azure)
    found = {
        one.name: one for one in client.subscriptions.list_locations(azure.subscription_ids[0])
    }
    assert {"westeurope", "northeurope"} <= set(found)
    zones = found["westeurope"].availability_zone_mappings
    assert zones is not None
    assert [one.logical_zone for one in zones] == ["1", "2", "3"]
    assert len({one.physical_zone for one in zones}) == 3
    peers = client.subscriptions.check_zone_peers(
        azure.subscription_ids[0],
        CheckZonePeersRequest(
            location="westeurope",
            subscription_ids=[f"subscriptions/{azure.subscription_ids[1]}"],
        ),
    )
    assert peers.availability_zone_peers is not None
    assert len(peers.availability_zone_peers) == 3


def test_an_unknown_subscription_is_not_found(azure: Azure) -> None:
    unknown = str(uuid.uuid4())
    answer = azure.call("GET", f"/subscriptions/{unknown}/resourcegroups?api-version=2025-04-01")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "SubscriptionNotFound"


def test_a_group_is_created_changed_and_keeps_the_case_of_its_name(
    client: ResourceManagementClient,
) -> None:
    name = f"Test-{uuid.uuid4().hex[:8]}"
    made = client.resource_groups.create_or_update(name, {"location": "West Europe"})
    assert made.location == "westeurope"
    again = client.resource_groups.create_or_update(
        name.upper(), {"location": "westeurope", "tags": {"x": "y"}}
    )
    assert again.name == name
    assert again.id == made.id
    found = client.resource_groups.get(name.lower())
    assert found.name == name
    assert found.tags == {"x": "y"}
    assert client.resource_groups.update(name, {"tags": {"x": "z"}}).tags == {"x": "z"}
    client.resource_groups.begin_delete(name).result()
    assert not client.resource_groups.check_existence(name)


def test_a_group_cannot_change_its_region(client: ResourceManagementClient, group: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.resource_groups.create_or_update(group, {"location": "northeurope"})
    assert caught.value.status_code == 409
    assert caught.value.error is not None
    assert caught.value.error.code == "InvalidResourceGroupLocation"


def test_a_group_needs_a_region_that_exists(client: ResourceManagementClient) -> None:
    with pytest.raises(HttpResponseError, match="LocationNotAvailableForResourceGroup"):
        client.resource_groups.create_or_update("nowhere", {"location": "atlantis"})


def test_a_missing_group_is_said_to_be_missing(client: ResourceManagementClient) -> None:
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        client.resource_groups.get("no-such-group")
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        list(client.resources.list_by_resource_group("no-such-group"))


def test_groups_are_found_by_their_tag(client: ResourceManagementClient, group: str) -> None:
    client.resource_groups.update(group, {"tags": {"Unit": group}})
    wanted = f"tagName eq 'unit' and tagValue eq '{group}'"
    assert [one.name for one in client.resource_groups.list(filter=wanted)] == [group]
    other = f"tagName eq 'unit' and tagValue eq '{group.upper()}'"
    assert list(client.resource_groups.list(filter=other)) == []


def test_a_filter_that_cannot_be_read_is_refused(client: ResourceManagementClient) -> None:
    for text in ("name gt 'a'", "tagName eq 'a' or tagName eq 'b'", "foo eq 'x'", "name eq"):
        with pytest.raises(HttpResponseError, match="InvalidFilterInQueryString"):
            list(client.resources.list(filter=text))


@pytest.mark.control
def test_lists_come_in_pages_with_absolute_links(
    azure: Azure, client: ResourceManagementClient, control: Control
) -> None:
    names = [f"page-{number}-{uuid.uuid4().hex[:6]}" for number in range(5)]
    for name in names:
        client.resource_groups.create_or_update(name, {"location": "westeurope"})
    control.settings(pageSize=2)
    try:
        assert set(names) <= {one.name for one in client.resource_groups.list()}
        path = f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups?api-version=2025-04-01"
        first = azure.call("GET", path).json()
        assert len(first["value"]) == 2
        assert first["nextLink"].startswith(azure.arm + "/subscriptions/")
        assert "$skiptoken=" in first["nextLink"]
        # A group that disappears between two pages must not make another one disappear.
        gone = first["value"][1]["name"]
        seen = [one["name"] for one in first["value"]]
        if gone in names:
            client.resource_groups.begin_delete(gone).result()
        link = first["nextLink"]
        while link:
            page = azure.call("GET", link).json()
            seen += [one["name"] for one in page["value"]]
            link = page.get("nextLink")
        assert set(names) <= set(seen)
        assert len(seen) == len(set(seen))
    finally:
        control.settings(pageSize=100)
        for name in names:
            if client.resource_groups.check_existence(name):
                client.resource_groups.begin_delete(name).result()


def test_tags_are_merged_replaced_and_deleted_at_a_scope(
    azure: Azure, client: ResourceManagementClient, group: str
) -> None:
    scope = f"subscriptions/{azure.subscription_ids[0]}/resourceGroups/{group}"

    def patch(operation: str, tags: dict[str, str]) -> dict[str, str]:
        done = client.tags.begin_update_at_scope(
            scope, {"operation": operation, "properties": {"tags": tags}}
        ).result()
        found = done.properties.tags
        assert found is not None
        return dict(found)

    assert patch("Merge", {"A": "2", "b": "3"}) == {"a": "2", "b": "3"}
    assert patch("Delete", {"a": "2"}) == {"b": "3"}
    assert patch("Replace", {"c": "4"}) == {"c": "4"}
    assert client.resource_groups.get(group).tags == {"c": "4"}
    assert client.tags.get_at_scope(scope).properties.tags == {"c": "4"}


def test_providers_are_listed_with_their_types(client: ResourceManagementClient) -> None:
    found = {one.namespace: one for one in client.providers.list()}
    assert found["Microsoft.Resources"].registration_state == "Registered"
    with pytest.raises(ResourceNotFoundError):
        client.providers.get("Microsoft.Nonsense")


def test_a_missing_api_version_is_named(azure: Azure) -> None:
    answer = azure.call("GET", f"/subscriptions/{azure.subscription_ids[0]}/resourcegroups")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "MissingApiVersionParameter"


def test_an_unknown_api_version_is_refused_with_the_known_ones(azure: Azure) -> None:
    path = f"/subscriptions/{azure.subscription_ids[0]}/resourcegroups?api-version=1999-01-01"
    answer = azure.call("GET", path)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidApiVersionParameter"
    assert "2025-04-01" in answer.json()["error"]["message"]


@pytest.mark.control
def test_the_date_of_an_answer_is_the_time_of_the_lab(azure: Azure, fresh: Control) -> None:
    fresh.advance(3 * 86_400)
    answer = azure.call("GET", "/subscriptions?api-version=2022-12-01")
    shown = parsedate_to_datetime(answer.headers["Date"])
    lab_time = datetime.fromisoformat(fresh.get("clock").json()["now"][:26] + "+00:00")
    assert abs((lab_time - shown).total_seconds()) < 60
    fresh.reset()


@pytest.mark.control
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/subscriptions/{s}/resourcegroups?api-version=2025-04-01&colour=red", 400),
        ("PUT", "/subscriptions/{s}/resourcegroups?api-version=2025-04-01", 405),
        ("GET", "/subscriptions/{s}/resourcegroups?api-version=2025-04-01&api-version=1", 400),
        ("GET", "/subscriptions/{s}/providers/Microsoft.Web/sites?api-version=2024-01-01", 501),
    ],
)
def test_what_the_lab_does_not_know_is_a_loud_error(
    azure: Azure, method: str, path: str, status: int
) -> None:
    answer = azure.call(method, path.format(s=azure.subscription_ids[0]))
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_body_that_is_no_json_or_has_unknown_members_is_refused(azure: Azure) -> None:
    url = f"{azure.arm}/subscriptions/{azure.subscription_ids[0]}/resourcegroups/x"
    for data in (b"{", b"[]", b'{"location": 5}', b'{"location": "westeurope", "colour": 1}'):
        answer = requests.put(
            url,
            params={"api-version": "2025-04-01"},
            data=data,
            headers={
                "Authorization": f"Bearer {azure.token()}",
                "Content-Type": "application/json",
            },
            verify=azure.ca or True,
            timeout=30,
        )
        assert answer.status_code == 400, data
        assert answer.json()["error"]["code"] == "InvalidRequestContent"


def test_every_answer_has_ids_and_remaining_calls(azure: Azure) -> None:
    path = f"/subscriptions/{azure.subscription_ids[0]}/resourcegroups?api-version=2025-04-01"
    answer = azure.call("GET", path, headers={"x-ms-correlation-request-id": "my-id"})
    assert answer.headers["x-ms-request-id"]
    assert answer.headers["x-ms-correlation-request-id"] == "my-id"
    assert int(answer.headers["x-ms-ratelimit-remaining-subscription-reads"]) > 0


def test_a_second_put_with_the_same_name_in_another_subscription_is_its_own_group(
    azure: Azure, group: str
) -> None:
    other = resources(azure, subscription=1)
    assert not other.resource_groups.check_existence(group)
    other.resource_groups.create_or_update(group, {"location": "northeurope"})
    other.resource_groups.begin_delete(group).result()
    assert resources(azure).resource_groups.check_existence(group)


@pytest.mark.control
def test_a_provider_that_is_not_registered_refuses_writes(
    azure: Azure, fresh: Control, client: ResourceManagementClient
) -> None:
    unregistered = client.providers.unregister("Microsoft.Compute")
    assert unregistered.registration_state == "NotRegistered"
    path = (
        f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups/shop/providers/"
        "Microsoft.Compute/disks/d?api-version=2024-03-02"
    )
    answer = azure.call("PUT", path, {"location": "westeurope", "properties": {}})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "MissingSubscriptionRegistration"
    assert client.providers.register("Microsoft.Compute").registration_state == "Registered"
