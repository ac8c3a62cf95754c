"""What holds for resources of every type, shown with disks: lists, tags, locks, moves, groups."""

import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import (
    GenericResource,
    ResourcesMoveInfo,
    Sku,
    TagsPatchResource,
)

from support.lab import Azure, Control
from support.lab_clients import resources

_DISKS = "2024-03-02"
_LOCK = "/providers/Microsoft.Authorization/locks/l?api-version=2020-05-01"


@pytest.fixture
def client(azure: Azure) -> ResourceManagementClient:
    return resources(azure)


@pytest.fixture
def group(client: ResourceManagementClient) -> str:
    name = f"test-{uuid.uuid4().hex[:8]}"
    client.resource_groups.create_or_update(name, {"location": "westeurope"})
    return name


def _disk_id(azure: Azure, group: str, name: str) -> str:
    return (
        f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups/{group}"
        f"/providers/Microsoft.Compute/disks/{name}"
    )


def _make_disk(
    azure: Azure, client: ResourceManagementClient, group: str, name: str, **tags: str
) -> str:
    disk = _disk_id(azure, group, name)
    client.resources.begin_create_or_update_by_id(
        disk,
        GenericResource(
            location="westeurope",
            tags=tags,
            sku=Sku(name="Standard_LRS"),
            properties={"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
        ),
        api_version=_DISKS,
    ).result()
    return disk


def test_a_resource_is_read_changed_and_deleted_by_its_id(
    azure: Azure, client: ResourceManagementClient, group: str
) -> None:
    disk = _make_disk(azure, client, group, "one")
    shouted = disk.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/")
    assert client.resources.get_by_id(shouted, api_version=_DISKS).id == disk
    client.resources.begin_update_by_id(
        disk, GenericResource(tags={"a": "b"}), api_version=_DISKS
    ).result()
    assert client.resources.get_by_id(disk, api_version=_DISKS).tags == {"a": "b"}
    assert client.resources.check_existence_by_id(disk, api_version=_DISKS)
    client.resources.begin_delete_by_id(disk, api_version=_DISKS).result()
    assert not client.resources.check_existence_by_id(disk, api_version=_DISKS)
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        client.resources.get_by_id(disk, api_version=_DISKS)


def test_generic_lists_filter_by_type_name_and_tag(
    azure: Azure, client: ResourceManagementClient, group: str
) -> None:
    mark = uuid.uuid4().hex
    red = _make_disk(azure, client, group, "red", colour="red", mark=mark)
    blue = _make_disk(azure, client, group, "blue", colour="blue", mark=mark)

    def found(text: str) -> list[str]:
        return sorted(str(one.id) for one in client.resources.list(filter=text))

    assert found(f"tagName eq 'mark' and tagValue eq '{mark}'") == sorted([red, blue])
    assert red in found("resourceType eq 'microsoft.compute/DISKS'")
    assert red not in found("resourceType eq 'Microsoft.Compute/virtualMachines'")
    assert found(f"resourceGroup eq '{group}' and name eq 'RED'") == [red]
    assert found(f"resourceGroup eq '{group}' and substringof('lu', name)") == [blue]
    listed = list(
        client.resources.list_by_resource_group(
            group, expand="createdTime,changedTime,provisioningState"
        )
    )
    assert [one.name for one in listed] == ["blue", "red"]
    assert all(one.created_time and one.changed_time for one in listed)
    assert {one.provisioning_state for one in listed} == {"Succeeded"}


def test_tags_of_a_resource_change_without_touching_the_rest(
    azure: Azure, client: ResourceManagementClient, group: str
) -> None:
    disk = _make_disk(azure, client, group, "one", a="1")
    before = azure.call("GET", f"{disk}?api-version={_DISKS}").json()
    client.tags.begin_update_at_scope(
        disk[1:], TagsPatchResource({"operation": "Merge", "properties": {"tags": {"b": "2"}}})
    ).result()
    after = azure.call("GET", f"{disk}?api-version={_DISKS}").json()
    assert after.pop("tags") == {"a": "1", "b": "2"}
    before.pop("tags")
    assert after == before


def test_deleting_a_group_deletes_what_lies_in_it(
    azure: Azure, client: ResourceManagementClient, group: str
) -> None:
    disk = _make_disk(azure, client, group, "one")
    client.resource_groups.begin_delete(group).result()
    client.resource_groups.create_or_update(group, {"location": "westeurope"})
    assert not client.resources.check_existence_by_id(disk, api_version=_DISKS)


def test_a_lock_on_a_resource_keeps_it_and_its_group(
    azure: Azure, client: ResourceManagementClient, group: str
) -> None:
    disk = _make_disk(azure, client, group, "one")
    azure.call("PUT", disk + _LOCK, {"properties": {"level": "CanNotDelete"}})
    with pytest.raises(HttpResponseError, match="ScopeLocked") as caught:
        client.resources.begin_delete_by_id(disk, api_version=_DISKS).result()
    assert caught.value.status_code == 409
    with pytest.raises(HttpResponseError, match="ScopeLocked"):
        client.resource_groups.begin_delete(group).result()
    azure.call("DELETE", disk + _LOCK)
    client.resources.begin_delete_by_id(disk, api_version=_DISKS).result()


def test_a_disk_moves_to_another_group_with_its_bytes(
    azure: Azure, client: ResourceManagementClient, group: str, control: Control
) -> None:
    disk = _make_disk(azure, client, group, "wanderer", a="b")
    control.write_disk(disk, 1 << 20, b"content" * 100)
    target = client.resource_groups.create_or_update(f"{group}-2", {"location": "westeurope"})
    assert target.id is not None
    body = ResourcesMoveInfo(resources=[disk], target_resource_group=target.id)
    client.resources.begin_validate_move_resources(group, body).result()
    assert client.resources.check_existence_by_id(disk, api_version=_DISKS)
    client.resources.begin_move_resources(group, body).result()
    moved = _disk_id(azure, f"{group}-2", "wanderer")
    assert not client.resources.check_existence_by_id(disk, api_version=_DISKS)
    assert client.resources.get_by_id(moved, api_version=_DISKS).tags == {"a": "b"}
    assert control.read_disk(moved, 1 << 20, 700) == b"content" * 100


@pytest.mark.control
def test_what_is_in_use_or_cannot_move_stays(
    azure: Azure, client: ResourceManagementClient, fresh: Control
) -> None:
    attached = next(
        one
        for one in client.resources.list(filter="resourceType eq 'Microsoft.Compute/disks'")
        if one.managed_by and one.id
    )
    assert attached.id is not None
    group = attached.id.split("/")[4]
    target = f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups/backup"
    body = ResourcesMoveInfo(resources=[attached.id], target_resource_group=target)
    with pytest.raises(HttpResponseError) as caught:
        client.resources.begin_move_resources(group, body).result()
    assert caught.value.status_code == 409
    assert client.resources.check_existence_by_id(attached.id, api_version=_DISKS)


def test_an_unknown_version_names_the_known_ones(azure: Azure, group: str) -> None:
    path = f"{_disk_id(azure, group, 'x')}?api-version=1999-01-01"
    answer = azure.call("GET", path)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "NoRegisteredProviderFound"
    assert _DISKS in answer.json()["error"]["message"]


def test_a_resource_in_a_missing_group_says_that_the_group_is_missing(azure: Azure) -> None:
    disk = _disk_id(azure, "no-such-group", "x")
    for method, body in (("GET", None), ("PUT", {"location": "westeurope", "properties": {}})):
        answer = azure.call(method, f"{disk}?api-version={_DISKS}", body)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "ResourceGroupNotFound"
