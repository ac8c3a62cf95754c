"""Roles to be made in Azure, and checks of applications that are not saved yet."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from httpx2 import Response

from kyanite.base.json_types import JsonObject, as_list, as_object
from kyanite.rules.permission_sets import ALL_PURPOSES, permission_set
from support.azure_parts import AzureParts
from support.lab import Control

SERVICE = "/accounts/azure/service"
RESTRICTED = {
    "applicationId": "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02",
    "clientSecret": "restricted-secret-of-the-small-scene",
}
RESTRICTED_OBJECT = "7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a02"


@pytest.fixture
def clean(parts: AzureParts, control: Control) -> Iterator[AzureParts]:
    """The Azure is put back afterwards."""
    yield parts
    control.reset()


def first(answer: Response) -> JsonObject:
    """The first subscription of a check."""
    assert answer.status_code == 200, answer.text
    return as_object(as_list(answer.json()["subscriptions"])[0])


@pytest.mark.control
def test_the_exported_role_is_exactly_enough(clean: AzureParts) -> None:
    subscription = clean.azure.subscription_ids[0]
    purposes = ["VirtualMachineBackup", "Repository"]
    account_id = clean.save_account(**RESTRICTED, azureAccountPurposes=purposes)
    path = f"{SERVICE}/exportPermissions"
    answer = clean.call("POST", path, accountId=account_id, subscriptionId=subscription)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment; ")
    role = answer.json()
    scope = f"/subscriptions/{subscription}"
    assert role["assignableScopes"] == [scope]
    authorization = f"{scope}/providers/Microsoft.Authorization"
    definition = f"{authorization}/roleDefinitions/{uuid.uuid4()}"
    clean.arm("PUT", f"{definition}?api-version=2022-04-01", {"properties": role})
    clean.arm(
        "PUT",
        f"{authorization}/roleAssignments/{uuid.uuid4()}?api-version=2022-04-01",
        {"properties": {"roleDefinitionId": definition, "principalId": RESTRICTED_OBJECT}},
    )
    check = f"{SERVICE}/{account_id}/checkPermissions"
    found = first(clean.call("POST", check))
    assert found["permissionsState"] == "AvailableAll"
    assert found["purposes"] == ["Repository", "VirtualMachineBackup"]
    assert first(clean.call("POST", check, purposes="VnetBackup"))["missingPermissions"]


def test_the_export_of_all_purposes_is_the_union_of_the_sets(parts: AzureParts) -> None:
    subscription = parts.azure.subscription_ids[0]
    path = f"{SERVICE}/exportPermissionsByApp"
    answer = parts.call("POST", path, parts.login_parameters(), subscriptionId=subscription)
    (permission,) = answer.json()["permissions"]
    assert (len(permission["actions"]), len(permission["dataActions"])) == (173, 10)
    assert permission["notActions"] == permission["notDataActions"] == []
    some = parts.login_parameters(azureAccountPurposes=["AzureFiles"])
    (few,) = parts.call("POST", path, some, subscriptionId=subscription).json()["permissions"]
    assert len(few["actions"]) == len(permission_set("AzureFiles").actions) == 5


def test_exports_of_what_is_not_there_are_refused(parts: AzureParts) -> None:
    subscription = parts.azure.subscription_ids[0]
    unknown = "00000000-0000-0000-0000-00000000000a"
    path = f"{SERVICE}/exportPermissions"
    assert (
        parts.call("POST", path, accountId=unknown, subscriptionId=subscription).status_code == 400
    )
    assert parts.call("POST", path, accountId=unknown).status_code == 400
    by_app = f"{SERVICE}/exportPermissionsByApp"
    login = parts.login_parameters(azureAccountPurposes=["None"])
    assert parts.call("POST", by_app, login, subscriptionId=subscription).status_code == 400
    edited = parts.call(
        "POST", by_app, parts.login_parameters(), subscriptionId=subscription, editAccountId=unknown
    )
    assert edited.status_code == 400


def test_an_application_is_checked_before_it_is_saved(parts: AzureParts) -> None:
    path = f"{SERVICE}/listSubscriptionsByApp"
    answer = parts.call("POST", path, parts.login_parameters())
    assert first(answer)["purposes"] != []
    seen = {as_object(one)["id"] for one in as_list(answer.json()["subscriptions"])}
    assert seen == set(parts.azure.subscription_ids)
    assert parts.get(SERVICE)["totalCount"] == 0
    quick = parts.call("POST", path, parts.login_parameters(), skipPermissionsCheck=True)
    assert first(quick)["permissionsState"] == "Unknown"
    assert first(quick)["name"] in ("Production", "Development")
    wrong = parts.call("POST", path, parts.login_parameters(clientSecret="wrong"))
    assert wrong.status_code == 400


def test_the_account_being_edited_lends_its_secret_to_its_own_application_only(
    parts: AzureParts,
) -> None:
    account_id = parts.save_account()
    path = f"{SERVICE}/listSubscriptionsByApp"
    login = parts.login_parameters(clientSecret=None)
    assert parts.call("POST", path, login).status_code == 400
    lent = parts.call("POST", path, login, editAccountId=account_id, skipPermissionsCheck=True)
    assert first(lent)["availability"] == "Available"
    other = {**login, "applicationId": RESTRICTED["applicationId"]}
    assert parts.call("POST", path, other, editAccountId=account_id).status_code == 400
    unknown = "00000000-0000-0000-0000-00000000000a"
    assert parts.call("POST", path, login, editAccountId=unknown).status_code == 400


def test_every_purpose_has_a_set() -> None:
    assert all(permission_set(purpose).actions for purpose in ALL_PURPOSES)
