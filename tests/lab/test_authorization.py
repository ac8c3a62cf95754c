"""Roles, assignments, permissions and locks of the lab."""

import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient

from support.lab import Azure, Control
from support.lab_clients import authorization, resources
from support.lab_people import ADA, person

pytestmark = pytest.mark.control

_CLIENT = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02"
_OBJECT = "7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a02"
_GROUP = "9c8b7a60-5d4e-4f3a-8b2c-1d0e9f8a7b01"
_LOCKS = "/providers/Microsoft.Authorization/locks"
_READ_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/read"
_WRITE_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/write"


@pytest.fixture(autouse=True)
def _fresh(fresh: Control) -> None:
    """Every test starts from the scene."""


@pytest.fixture
def restricted(azure: Azure) -> ClientSecretCredential:
    """The application of the scene that has no role."""
    return azure.credential(_CLIENT, "restricted-secret-of-the-small-scene")


@pytest.fixture
def client(azure: Azure) -> AuthorizationManagementClient:
    return authorization(azure)


def _scope(azure: Azure, group: str = "") -> str:
    tail = f"/resourceGroups/{group}" if group else ""
    return f"/subscriptions/{azure.subscription_ids[0]}{tail}"


def _give(
    azure: Azure, scope: str, actions: list[str], not_actions: list[str] | None = None
) -> str:
    """A new custom role with these actions, assigned to the restricted application."""
    client = authorization(azure)
    role_id = str(uuid.uuid4())
    role = client.role_definitions.create_or_update(
        scope,
        role_id,
        {
            "properties": {
                "roleName": f"role {role_id}",
                "type": "CustomRole",
                "assignableScopes": [scope],
                "permissions": [{"actions": actions, "notActions": not_actions or []}],
            }
        },
    )
    client.role_assignments.create(
        scope,
        str(uuid.uuid4()),
        {
            "properties": {
                "roleDefinitionId": role.id,
                "principalId": _OBJECT,
                "principalType": "ServicePrincipal",
            }
        },
    )
    return role_id


def test_an_action_is_allowed_by_a_custom_role_and_only_that_action(
    azure: Azure, restricted: ClientSecretCredential
) -> None:
    _give(azure, _scope(azure), [_READ_GROUPS])
    client = resources(azure, credential=restricted)
    assert "shop" in [one.name for one in client.resource_groups.list()]
    with pytest.raises(HttpResponseError) as caught:
        client.resource_groups.create_or_update("mine", {"location": "westeurope"})
    assert caught.value.status_code == 403
    assert f"'{_WRITE_GROUPS}'" in str(caught.value)
    assert _OBJECT in str(caught.value)


def test_a_changed_role_counts_at_once(azure: Azure, restricted: ClientSecretCredential) -> None:
    scope = _scope(azure)
    role_id = _give(azure, scope, [_READ_GROUPS])
    client = resources(azure, credential=restricted)
    assert client.resource_groups.get("shop").name == "shop"
    authorization(azure).role_definitions.create_or_update(
        scope,
        role_id,
        {
            "properties": {
                "roleName": f"role {role_id}",
                "type": "CustomRole",
                "assignableScopes": [scope],
                "permissions": [{"actions": [_WRITE_GROUPS]}],
            }
        },
    )
    with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
        client.resource_groups.get("shop")


def test_what_one_role_excludes_another_may_give(
    azure: Azure, restricted: ClientSecretCredential
) -> None:
    _give(azure, _scope(azure), ["Microsoft.Resources/*"], ["*/resourcegroups/WRITE"])
    client = resources(azure, credential=restricted)
    with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
        client.resource_groups.create_or_update("mine", {"location": "westeurope"})
    _give(azure, _scope(azure), [_WRITE_GROUPS])
    client.resource_groups.create_or_update("mine", {"location": "westeurope"})


def test_a_role_on_one_group_shows_only_that_group(
    azure: Azure, restricted: ClientSecretCredential
) -> None:
    _give(azure, _scope(azure, "shop"), [_READ_GROUPS])
    client = resources(azure, credential=restricted)
    assert [one.name for one in client.resource_groups.list()] == ["shop"]
    with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
        client.resource_groups.get("backup")


def test_own_permissions_are_the_sum_of_the_assignments(
    azure: Azure, restricted: ClientSecretCredential
) -> None:
    own = authorization(azure, credential=restricted)
    assert list(own.permissions.list_for_resource_group("shop")) == []
    _give(azure, _scope(azure), [_READ_GROUPS], ["a/b/c"])
    _give(azure, _scope(azure, "shop"), [_WRITE_GROUPS])
    found = list(own.permissions.list_for_resource_group("shop"))
    assert sorted(str(one.actions) for one in found) == sorted(
        [str([_READ_GROUPS]), str([_WRITE_GROUPS])]
    )
    path = f"{_scope(azure)}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    token = restricted.get_token(f"{azure.arm}/.default").token
    whole = azure.call("GET", path, token=token).json()["value"]
    assert whole == [
        {
            "actions": [_READ_GROUPS],
            "notActions": ["a/b/c"],
            "dataActions": [],
            "notDataActions": [],
        }
    ]


def test_the_owner_of_the_scene_has_the_built_in_role(
    azure: Azure, client: AuthorizationManagementClient
) -> None:
    owner = next(iter(client.role_definitions.list(_scope(azure), filter="roleName eq 'Owner'")))
    assert owner.name == "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    found = [
        one
        for one in client.role_assignments.list_for_scope(_scope(azure))
        if str(one.role_definition_id).endswith(f"/roleDefinitions/{owner.name}")
        and one.principal_type == "ServicePrincipal"
    ]
    assert len(found) == 1
    principal = found[0].principal_id
    mine = list(
        client.role_assignments.list_for_subscription(filter=f"principalId eq '{principal}'")
    )
    assert found[0].name in [one.name for one in mine]
    assigned = list(
        client.role_assignments.list_for_subscription(filter=f"assignedTo('{principal}')")
    )
    assert len(assigned) == len(mine)


def test_an_assignment_is_made_once_read_and_removed(
    azure: Azure, client: AuthorizationManagementClient, restricted: ClientSecretCredential
) -> None:
    scope = _scope(azure)
    reader = next(iter(client.role_definitions.list(scope, filter="roleName eq 'Reader'")))
    body = {"properties": {"roleDefinitionId": reader.id, "principalId": _OBJECT}}
    name = str(uuid.uuid4())
    assert client.role_assignments.create(scope, name, body).name == name
    with pytest.raises(HttpResponseError, match="RoleAssignmentExists"):
        client.role_assignments.create(scope, str(uuid.uuid4()), body)
    assert client.role_assignments.get(scope, name).principal_id == _OBJECT
    assert list(resources(azure, credential=restricted).resource_groups.list())
    client.role_assignments.delete(scope, name)
    with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
        list(resources(azure, credential=restricted).resource_groups.list())
    assert client.role_assignments.delete(scope, name) is None


def test_an_assignment_needs_a_principal_and_a_role_that_exist(
    azure: Azure, client: AuthorizationManagementClient
) -> None:
    scope = _scope(azure)
    reader = next(iter(client.role_definitions.list(scope, filter="roleName eq 'Reader'")))
    body = {"properties": {"roleDefinitionId": reader.id, "principalId": str(uuid.uuid4())}}
    with pytest.raises(HttpResponseError, match="PrincipalNotFound"):
        client.role_assignments.create(scope, str(uuid.uuid4()), body)
    role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
    body = {"properties": {"roleDefinitionId": role, "principalId": _OBJECT}}
    with pytest.raises(HttpResponseError, match="RoleDefinitionDoesNotExist"):
        client.role_assignments.create(scope, str(uuid.uuid4()), body)


def test_a_role_in_use_cannot_be_deleted(
    azure: Azure, client: AuthorizationManagementClient
) -> None:
    role_id = _give(azure, _scope(azure), [_READ_GROUPS])
    with pytest.raises(HttpResponseError, match="RoleDefinitionHasAssignments"):
        client.role_definitions.delete(_scope(azure), role_id)


def test_there_are_no_deny_assignments(azure: Azure, client: AuthorizationManagementClient) -> None:
    assert list(client.deny_assignments.list()) == []


def test_a_lock_keeps_a_group_from_being_deleted_until_it_is_removed(azure: Azure) -> None:
    scope = _scope(azure, "shop")
    lock = f"{scope}{_LOCKS}/keep?api-version=2020-05-01"
    made = azure.call("PUT", lock, {"properties": {"level": "CanNotDelete", "notes": "n"}})
    assert made.status_code == 201
    client = resources(azure)
    with pytest.raises(HttpResponseError) as caught:
        client.resource_groups.begin_delete("shop").result()
    assert caught.value.error is not None
    assert caught.value.error.code == "ScopeLocked"
    client.resource_groups.update("shop", {"tags": {"still": "writable"}})
    found = azure.call("GET", f"{_scope(azure)}{_LOCKS}?api-version=2020-05-01").json()["value"]
    assert [one["properties"]["level"] for one in found] == ["CanNotDelete"]
    assert azure.call("DELETE", lock).status_code == 200
    assert azure.call("DELETE", lock).status_code == 204
    client.resource_groups.begin_delete("shop").result()
    assert not client.resource_groups.check_existence("shop")


def test_a_read_only_lock_refuses_changes_below_it(azure: Azure) -> None:
    lock = f"{_scope(azure)}{_LOCKS}/still?api-version=2020-05-01"
    azure.call("PUT", lock, {"properties": {"level": "ReadOnly"}})
    client = resources(azure)
    assert client.resource_groups.get("shop").name == "shop"
    with pytest.raises(HttpResponseError, match="ScopeLocked"):
        client.resource_groups.update("shop", {"tags": {"a": "b"}})


def test_a_role_of_a_group_holds_for_its_members(
    azure: Azure, client: AuthorizationManagementClient, restricted: ClientSecretCredential
) -> None:
    scope = _scope(azure)
    reader = next(iter(client.role_definitions.list(scope, filter="roleName eq 'Reader'")))
    assert reader.id is not None
    client.role_assignments.create(
        scope,
        str(uuid.uuid4()),
        {
            "properties": {
                "roleDefinitionId": reader.id,
                "principalId": _GROUP,
                "principalType": "Group",
            }
        },
    )
    groups = resources(azure, credential=restricted).resource_groups
    with pytest.raises(HttpResponseError):
        list(groups.list())
    ada = person(azure, *ADA).get_token(f"{azure.graph}/.default").token
    member = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{_OBJECT}"}
    added = azure.call(
        "POST", f"{azure.graph}/v1.0/groups/{_GROUP}/members/$ref", member, token=ada
    )
    assert added.status_code == 204, added.text
    assert [one.name for one in groups.list()]
    mine = client.role_assignments.list_for_subscription(filter=f"assignedTo('{_OBJECT}')")
    assert [one.principal_id for one in mine] == [_GROUP]
    direct = client.role_assignments.list_for_subscription(filter=f"principalId eq '{_OBJECT}'")
    assert list(direct) == []


def test_a_principal_is_what_the_request_says_it_is(
    azure: Azure, client: AuthorizationManagementClient
) -> None:
    scope = _scope(azure)
    reader = next(iter(client.role_definitions.list(scope, filter="roleName eq 'Reader'")))
    wrong = {"roleDefinitionId": reader.id, "principalId": _GROUP, "principalType": "User"}
    with pytest.raises(HttpResponseError) as caught:
        client.role_assignments.create(scope, str(uuid.uuid4()), {"properties": wrong})
    assert caught.value.error is not None
    assert caught.value.error.code == "UnmatchedPrincipalType"
