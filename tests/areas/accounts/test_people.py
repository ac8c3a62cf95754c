"""Look-ups and applications in the name of a signed-in person, against an Azure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import msal
import pytest
import requests
from httpx2 import Response

from kyanite.areas.accounts.device_sign_ins import DeviceSignIns
from kyanite.areas.accounts.tables import DeviceSignInRow
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text
from kyanite.http.rights import Role
from kyanite.rules.permission_sets import permission_set
from support.azure_parts import AzureParts
from support.lab import Azure, Control
from support.lab_people import ADA, AZURE_CLI, BERT, answer_code, person

SERVICE = "/accounts/azure/service"
OWN = "/api/kyanite/v1/accounts/azure"
OWNER = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d01"
GROUP = "9c8b7a60-5d4e-4f3a-8b2c-1d0e9f8a7b01"
RESTRICTED = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02"

pytestmark = pytest.mark.control


@pytest.fixture(autouse=True)
def _left_as_it_was(control: Control) -> Iterator[None]:
    """Applications and roles made here are gone afterwards."""
    yield
    control.reset()


def cache_of(azure: Azure, who: tuple[str, str]) -> str:
    """The token cache of a tool in which somebody has signed in, in base64."""
    cache = msal.SerializableTokenCache()
    session = requests.Session()
    session.trust_env, session.verify = False, azure.ca or True
    client = msal.PublicClientApplication(
        AZURE_CLI,
        authority=f"{azure.login}/organizations",
        instance_discovery=False,
        http_client=session,
        token_cache=cache,
    )
    flow = client.initiate_device_flow(scopes=[f"{azure.arm}/.default"])
    assert answer_code(azure, flow["user_code"], *who) == 200
    assert "access_token" in client.acquire_token_by_device_flow(flow)
    text: str = cache.serialize()
    return base64.b64encode(text.encode()).decode()


def signed_in(azure: Azure, who: tuple[str, str]) -> dict[str, object]:
    """`AzureAuthenticationResult`."""
    return {"azureEnvironment": "Global", "accessTokenCache": cache_of(azure, who)}


def result_of(parts: AzureParts, answer: Response) -> JsonObject:
    """What a 202 comes to."""
    assert answer.status_code == 202, answer.text
    parts.api.operations.close()  # waits for what runs
    operation = parts.get(f"/operations/{answer.json()['id']}")
    assert operation["status"] == "Success", operation
    return as_object(operation["result"])


def test_a_person_sees_tenants_with_their_subscriptions(parts: AzureParts) -> None:
    body = signed_in(parts.azure, ADA)
    found = result_of(parts, parts.call("POST", f"{SERVICE}/listTenantsByToken", body))
    (tenant,) = map(as_object, as_list(found["tenants"]))
    assert as_object(tenant["tenant"])["tenantId"] == parts.azure.tenant_id
    seen = {as_object(one)["id"] for one in as_list(tenant["subscriptions"])}
    assert seen == set(parts.azure.subscription_ids)
    assert tenant["userAppRegistrationStatus"] == "Allowed"
    assert tenant["accessStatus"] == "Available"


@pytest.mark.parametrize(
    ("change", "access"),
    [({"wantsSecondFactor": True}, "MfaRequired"), ({"disabled": True}, "GuestAccountDisabled")],
)
def test_a_tenant_that_lets_nobody_in_says_why(
    parts: AzureParts, control: Control, change: dict[str, object], access: str
) -> None:
    """The tokens at hand still list the tenants; new ones for a tenant are refused."""
    content = json.loads(base64.b64decode(cache_of(parts.azure, ADA)))
    body = {"accessTokenCache": base64.b64encode(json.dumps(content).encode()).decode()}
    control.call("PATCH", "users", change, {"name": ADA[0]})
    answer = parts.call("POST", f"{SERVICE}/listTenantsByToken", body)
    (tenant,) = map(as_object, as_list(result_of(parts, answer)["tenants"]))
    assert (tenant["accessStatus"], tenant["subscriptions"]) == (access, [])
    assert tenant["userAppRegistrationStatus"] == "Unknown"


@pytest.mark.parametrize("cache", ["", "AAAA", "e30=", "{", base64.b64encode(b"[]").decode()])
def test_what_is_no_token_cache_is_refused(parts: AzureParts, cache: str) -> None:
    body = {"azureEnvironment": "Global", "accessTokenCache": cache}
    path = f"{SERVICE}/isUserOwnerOfAdApp?applicationId={OWNER}"
    answer = parts.call("POST", path, body)
    assert answer.status_code == 400, answer.text


def test_a_cache_that_the_directory_refuses_is_the_callers_mistake(parts: AzureParts) -> None:
    content = json.loads(base64.b64decode(cache_of(parts.azure, ADA)))
    for entry in content["RefreshToken"].values():
        entry["secret"] = "forged"
    content["AccessToken"] = {}
    forged = base64.b64encode(json.dumps(content).encode()).decode()
    path = f"{SERVICE}/isUserOwnerOfAdApp?applicationId={OWNER}"
    answer = parts.call("POST", path, {"accessTokenCache": forged})
    assert answer.status_code == 400
    assert "forged" not in answer.text


def test_groups_are_listed_by_name_with_what_the_person_may(parts: AzureParts) -> None:
    account_id = parts.save_account()
    tenant_id = parts.azure.tenant_id

    def groups(who: tuple[str, str]) -> JsonObject:
        body = {
            "azureAuthentication": signed_in(parts.azure, who),
            "tenantId": tenant_id,
            "editAccountId": account_id,
        }
        answer = parts.call("POST", f"{SERVICE}/listAdGroups", body)
        assert answer.status_code == 200, answer.text
        found: JsonObject = answer.json()
        return found

    ada, bert = groups(ADA), groups(BERT)
    assert ada["adGroups"] == [{"id": GROUP, "displayName": "Backup operators"}]
    assert ada["userAdPermissions"] == {"userCanSetAdGroup": True, "userCanRenewAdApp": True}
    assert bert["userAdPermissions"] == {"userCanSetAdGroup": False, "userCanRenewAdApp": False}


def test_owners_of_an_application_are_known(parts: AzureParts) -> None:
    body = signed_in(parts.azure, ADA)
    account_id = parts.save_account()

    def owns(**query: object) -> Response:
        return parts.call("POST", f"{SERVICE}/isUserOwnerOfAdApp", body, **query)

    assert owns(applicationId=OWNER).json() is False
    assert owns(editAccountId=account_id).json() is False
    assert owns(applicationId="11111111-2222-3333-4444-555555555555").json() is False
    assert owns().status_code == 400
    assert owns(applicationId="x'/owners").status_code == 400
    assert owns(editAccountId="00000000-0000-0000-0000-00000000000a").status_code == 404


def test_the_role_by_token_is_for_a_subscription_that_is_seen(parts: AzureParts) -> None:
    body = {**signed_in(parts.azure, ADA), "azureAccountPurposes": ["AzureFiles"]}
    first = parts.azure.subscription_ids[0]
    path = f"{SERVICE}/exportPermissionsByToken"
    answer = parts.call("POST", path, body, subscriptionId=first)
    assert answer.status_code == 200, answer.text
    (permission,) = answer.json()["permissions"]
    assert permission["actions"] == sorted(permission_set("AzureFiles").actions, key=str.lower)
    stranger = {**body, **signed_in(parts.azure, BERT)}
    assert parts.call("POST", path, stranger, subscriptionId=first).status_code == 400


def own(parts: AzureParts, method: str, path: str, body: object = None) -> Response:
    """A call of our own part of the API."""
    answer: Response = parts.api.client.request(
        method, f"{OWN}{path}", json=body, headers=parts.api.signed_in()
    )
    return answer


def begin(parts: AzureParts, who: tuple[str, str]) -> str:
    """A sign-in that somebody has answered; its id."""
    tenant = {"tenantId": parts.azure.tenant_id}
    begun = own(parts, "POST", "/deviceSignIns", tenant)
    assert begun.status_code == 200, begun.text
    assert begun.json()["userCode"] in begun.json()["message"]
    sign_in = f"/deviceSignIns/{begun.json()['id']}"
    assert own(parts, "GET", sign_in).json() == {"signedIn": False, "person": None}
    assert answer_code(parts.azure, begun.json()["userCode"], *who) == 200
    parts.api.clock.advance(timedelta(seconds=begun.json()["intervalSeconds"]))
    assert own(parts, "GET", sign_in).json() == {"signedIn": True, "person": who[0]}
    return sign_in


def test_a_person_makes_an_application_with_the_least_rights(both: AzureParts) -> None:
    first = both.azure.subscription_ids[0]
    sign_in = begin(both, ADA)
    wish = {
        "name": "made here",
        "purposes": ["VirtualMachineBackup", "Repository"],
        "subscriptionIds": [first],
        "groupId": GROUP,
        "groupName": "Backup operators",
    }
    answer = own(both, "POST", f"{sign_in}/register", wish)
    assert answer.status_code == 200, answer.text
    account = both.get(f"{SERVICE}/{answer.json()}")
    assert account["accountOrigin"] == "Device Authentication"
    assert account["azurePermissionsState"] == ["AllPermissionsAvailable"]
    assert account["subscriptionIds"] == [first]
    assert account["expirationDate"] == "2027-02-03T10:00:01Z"
    assert account["adGroupName"] == "Backup operators"
    check = f"{SERVICE}/{answer.json()}/checkPermissions"
    full = both.call("POST", check, purposes="AzureFiles")
    found = as_object(as_list(full.json()["subscriptions"])[0])
    assert found["permissionsState"] == "AvailableAll"  # its rights are part of the others
    other = both.call("POST", check, purposes="VnetRestore")
    assert as_object(as_list(other.json()["subscriptions"])[0])["missingPermissions"]
    assert own(both, "GET", sign_in).status_code == 404  # used once


def test_who_may_not_give_rights_leaves_nothing_behind(parts: AzureParts, azure: Azure) -> None:
    first = azure.subscription_ids[0]
    give_reader(parts, first)
    sign_in = begin(parts, BERT)
    wish = {"name": "not here", "subscriptionIds": [first]}
    answer = own(parts, "POST", f"{sign_in}/register", wish)
    assert answer.status_code == 400
    assert "Owner or User Access Administrator" in answer.json()["detail"]
    assert parts.get(SERVICE)["totalCount"] == 0
    ada = azure.call("GET", f"{azure.graph}/v1.0/applications", token=graph_token(azure))
    assert "not here" not in ada.text


def graph_token(azure: Azure) -> str:
    """Of the administrator."""
    return person(azure, *ADA).get_token(f"{azure.graph}/.default").token


def give_reader(parts: AzureParts, subscription_id: str) -> None:
    """Let the ordinary person see a subscription."""
    scope = f"/subscriptions/{subscription_id}"
    authorization = f"{scope}/providers/Microsoft.Authorization"
    parts.arm(
        "PUT",
        f"{authorization}/roleAssignments/5d1c9a80-0000-4000-8000-0000000000aa"
        "?api-version=2022-04-01",
        {
            "properties": {
                "roleDefinitionId": f"{authorization}/roleDefinitions/"
                "acdd72a7-3385-48ef-bd42-f606fba81ae7",
                "principalId": "3d2c1b0a-6a1e-4c5e-9d5b-0a1b2c3d4e02",
                "principalType": "User",
            }
        },
    )


def test_missing_rights_are_repaired_by_a_person_who_may(parts: AzureParts) -> None:
    account_id = parts.save_account(
        applicationId=RESTRICTED,
        clientSecret="restricted-secret-of-the-small-scene",
        azureAccountPurposes=["VirtualMachineBackup"],
        subscriptions=[parts.azure.subscription_ids[0]],
    )
    before = parts.get(f"{SERVICE}/{account_id}")
    assert before["azurePermissionsState"] == ["MissingSubscriptions"]
    for _ in range(2):  # again is the same
        sign_in = begin(parts, ADA)
        answer = own(parts, "POST", f"{sign_in}/repair/{account_id}")
        assert answer.status_code == 200, answer.text
        after = parts.get(f"{SERVICE}/{account_id}")
        assert after["azurePermissionsState"] == ["AllPermissionsAvailable"]


def test_a_sign_in_belongs_to_who_began_it_and_is_sealed(parts: AzureParts) -> None:
    sign_in = begin(parts, ADA)
    with parts.database.reading() as db:
        (row,) = db.query(DeviceSignInRow).all()
        assert b"RefreshToken" not in row.sealed
        row_id = row.id
    with parts.database.writing() as db:
        db.get_one(DeviceSignInRow, row_id).user_id = "somebody else"
    assert own(parts, "GET", sign_in).status_code == 404
    headers = parts.api.signed_in(Role.PORTAL_OPERATOR)
    assert parts.api.client.get(f"{OWN}{sign_in}", headers=headers).status_code == 403


def test_a_sign_in_ends_after_a_quarter_of_an_hour(both: AzureParts) -> None:
    sign_in = begin(both, ADA)
    both.api.clock.advance(timedelta(seconds=901))
    assert own(both, "GET", sign_in).status_code == 404
    assert own(both, "POST", f"{sign_in}/register", {"name": "late"}).status_code == 404


def test_what_is_left_of_a_sign_in_goes_with_the_next_start(parts: AzureParts) -> None:
    begin(parts, ADA)
    parts.api.clock.advance(timedelta(seconds=901))
    parts.api.provisions.get(DeviceSignIns).forget_old()
    with parts.database.reading() as db:
        assert db.query(DeviceSignInRow).count() == 0


def test_a_person_who_declines_is_reported(parts: AzureParts) -> None:
    begun = own(parts, "POST", "/deviceSignIns", {"tenantId": parts.azure.tenant_id}).json()
    answer_code(parts.azure, begun["userCode"], *ADA, "no")
    answer = own(parts, "GET", f"/deviceSignIns/{begun['id']}")
    assert answer.status_code == 400
    assert "denied" in answer.json()["detail"]
    assert own(parts, "POST", "/deviceSignIns", {"tenantId": "a/b"}).status_code == 400


def test_the_machines_own_identity_needs_no_secret(
    parts: AzureParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", parts.azure.imds)
    wish = {"name": "machine", "tenantId": parts.azure.tenant_id, "clientId": RESTRICTED}
    answer = own(parts, "POST", "/managedIdentity", wish)
    assert answer.status_code == 200, answer.text
    account = parts.get(f"{SERVICE}/{answer.json()}")
    assert (account["accountOrigin"], account["applicationId"]) == ("Unknown", RESTRICTED)
    assert account["cloudState"] == "NoSubscriptions"
    wrong = {**wish, "name": "other", "clientId": "11111111-2222-3333-4444-555555555555"}
    assert own(parts, "POST", "/managedIdentity", wrong).status_code == 400


def test_a_role_as_a_script_names_every_right(parts: AzureParts) -> None:
    account_id = parts.save_account("files", azureAccountPurposes=["AzureFiles"])
    script = own(parts, "GET", f"/service/{account_id}/role?Format=PowerShell")
    assert script.status_code == 200
    for action in permission_set("AzureFiles").actions:
        assert f"'{action}'" in script.text
    for subscription_id in parts.azure.subscription_ids:
        assert f"'/subscriptions/{subscription_id}'" in script.text
    file = own(parts, "GET", f"/service/{account_id}/role").json()
    assert as_text(file["roleName"]) == "Kyanite files"
    unknown = "00000000-0000-0000-0000-00000000000a"
    assert own(parts, "GET", f"/service/{unknown}/role").status_code == 404
