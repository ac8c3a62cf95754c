"""Microsoft Graph: what the wizard and the look-ups of a backup product ask."""

import uuid
from collections.abc import Callable

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError

from support.lab import Azure, Control
from support.lab_clients import resources
from support.lab_people import ADA, BERT, person

BERT_ID = "3d2c1b0a-6a1e-4c5e-9d5b-0a1b2c3d4e02"
GROUP = "9c8b7a60-5d4e-4f3a-8b2c-1d0e9f8a7b01"
OWNER = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

Call = Callable[..., requests.Response]


def signed_in(azure: Azure, name: str, password: str) -> Call:
    """Graph as somebody: `call(method, path, body)`."""

    token = person(azure, name, password).get_token(f"{azure.graph}/.default").token

    def call(method: str, path: str, body: object = None) -> requests.Response:
        url = path if "://" in path else f"{azure.graph}/v1.0{path}"
        return azure.call(method, url, body, token=token)

    return call


@pytest.fixture(scope="module")
def ada(azure: Azure) -> Call:
    return signed_in(azure, *ADA)


@pytest.fixture(scope="module")
def bert(azure: Azure) -> Call:
    return signed_in(azure, *BERT)


def register(call: Call, name: str = "wizard") -> tuple[str, str, str]:
    """A new application with a service principal: object id, application id, principal's id."""
    made = call("POST", "/applications", {"displayName": name})
    assert made.status_code == 201, made.text
    app = made.json()
    principal = call("POST", "/servicePrincipals", {"appId": app["appId"]})
    assert principal.status_code == 201, principal.text
    return app["id"], app["appId"], principal.json()["id"]


def test_an_application_made_by_a_person_signs_in_and_gets_a_role(azure: Azure, ada: Call) -> None:
    object_id, app_id, principal_id = register(ada)
    secret = ada("POST", f"/applications/{object_id}/addPassword",
                 {"passwordCredential": {"displayName": "kyanite"}}).json()  # fmt: skip
    credential = azure.credential(app_id, secret["secretText"])
    scope = f"/subscriptions/{azure.subscription_ids[0]}"
    name = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    answer = azure.call(
        "PUT",
        f"{name}?api-version=2022-04-01",
        {
            "properties": {
                "roleDefinitionId": role,
                "principalId": principal_id,
                "principalType": "ServicePrincipal",
            }
        },
    )
    assert answer.status_code == 201, answer.text
    groups = [one.name for one in resources(azure, credential=credential).resource_groups.list()]
    assert "shop" in groups
    assert ada("DELETE", f"/applications/{object_id}").status_code == 204
    with pytest.raises(ClientAuthenticationError):
        azure.credential(app_id, secret["secretText"]).get_token(f"{azure.arm}/.default")
    assert azure.call("GET", f"{name}?api-version=2022-04-01").status_code == 404


def test_without_a_service_principal_nobody_signs_in(azure: Azure, ada: Call) -> None:
    app = ada("POST", "/applications", {"displayName": "alone"}).json()
    secret = ada("POST", f"/applications/{app['id']}/addPassword", {}).json()
    with pytest.raises(ClientAuthenticationError) as caught:
        azure.credential(app["appId"], secret["secretText"]).get_token(f"{azure.arm}/.default")
    assert "AADSTS7000229" in str(caught.value)


@pytest.mark.control
def test_a_secret_ends_and_is_removed(azure: Azure, fresh: Control) -> None:
    ada = signed_in(azure, *ADA)
    object_id, app_id, _ = register(ada)
    made = ada("POST", f"/applications/{object_id}/addPassword", {}).json()
    scope = f"{azure.arm}/.default"
    assert azure.credential(app_id, made["secretText"]).get_token(scope)
    ada("POST", f"/applications/{object_id}/removePassword", {"keyId": made["keyId"]})
    with pytest.raises(ClientAuthenticationError) as caught:
        azure.credential(app_id, made["secretText"]).get_token(scope)
    assert "AADSTS7000215" in str(caught.value)
    again = ada("POST", f"/applications/{object_id}/addPassword", {}).json()
    fresh.advance(3 * 365 * 86400)
    with pytest.raises(ClientAuthenticationError) as caught:
        azure.credential(app_id, again["secretText"]).get_token(scope)
    assert "AADSTS7000222" in str(caught.value)
    fresh.reset()


def test_secrets_are_shown_once(ada: Call) -> None:
    object_id, _, _ = register(ada)
    secret = ada("POST", f"/applications/{object_id}/addPassword", {}).json()["secretText"]
    shown = ada("GET", f"/applications/{object_id}")
    assert secret not in shown.text
    assert shown.json()["passwordCredentials"][0]["hint"] == secret[:3]


def test_people_manage_only_what_they_own(ada: Call, bert: Call) -> None:
    object_id, app_id, _ = register(ada)
    refused = bert("POST", f"/applications/{object_id}/addPassword", {})
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "Authorization_RequestDenied"
    assert bert("GET", f"/applications(appId='{app_id}')").status_code == 200
    owner = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{BERT_ID}"}
    assert ada("POST", f"/applications/{object_id}/owners/$ref", owner).status_code == 204
    assert bert("POST", f"/applications/{object_id}/addPassword", {}).status_code == 200
    owners = ada("GET", f"/applications/{object_id}/owners").json()["value"]
    assert BERT_ID in [one["id"] for one in owners]


def test_groups_are_searched_ordered_and_paged(ada: Call) -> None:
    found = ada(
        "GET",
        "/groups?$select=id,displayName&$filter=startswith(displayName,'backup')"
        "&$orderby=displayName desc&$top=1&$count=true",
    ).json()
    assert found["value"] == [{"id": GROUP, "displayName": "Backup operators"}]
    assert ada("GET", "/groups?$filter=displayName eq 'x'").json()["value"] == []
    for query in ("$filter=contains(displayName,'x')", "$search=x", "$top=1000"):
        assert ada("GET", f"/groups?{query}").status_code == 400


def test_lists_link_to_their_next_page(ada: Call) -> None:
    for number in range(3):
        register(ada, f"paged-{number}")
    wanted = "/applications?$filter=startswith(displayName,'paged-')&$top=2"
    first = ada("GET", wanted).json()
    second = ada("GET", first["@odata.nextLink"]).json()
    names = [one["displayName"] for one in (*first["value"], *second["value"])]
    assert sorted(names) == ["paged-0", "paged-1", "paged-2"]


def test_memberships_count_for_roles(azure: Azure, ada: Call, bert: Call) -> None:
    ids = ada("POST", f"/users/{BERT_ID}/getMemberGroups", {"securityEnabledOnly": False}).json()
    assert ids["value"] == [GROUP]
    assert [one["id"] for one in bert("GET", "/me/memberOf").json()["value"]] == [GROUP]


def test_an_application_by_itself_needs_permissions(azure: Azure) -> None:
    token = azure.token(f"{azure.graph}/.default")
    answer = azure.call("GET", f"{azure.graph}/v1.0/groups", token=token)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Authorization_RequestDenied"


def test_a_token_for_arm_is_none_for_graph(azure: Azure) -> None:
    answer = azure.call("GET", f"{azure.graph}/v1.0/groups")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_the_organization_and_its_policy(azure: Azure, bert: Call) -> None:
    (organization,) = bert("GET", "/organization").json()["value"]
    assert organization["id"] == azure.tenant_id
    policy = bert("GET", "/policies/authorizationPolicy").json()
    assert policy["defaultUserRolePermissions"] == {"allowedToCreateApps": True}
    assert bert("GET", "/me").json()["id"] == BERT_ID
