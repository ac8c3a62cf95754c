"""Entra ID of the lab, driven by azure-identity and checked by hand where it hides things."""

import base64
import json

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential

from support.lab import Azure, Control
from support.lab_clients import resources, subscriptions

_GROUPS = "/subscriptions/{}/resourcegroups?api-version=2025-04-01"


def _post_token(azure: Azure, tenant: str, **form: str) -> requests.Response:
    url = f"{azure.login}/{tenant}/oauth2/v2.0/token"
    return requests.post(url, data=form, verify=azure.ca or True, timeout=30)


def test_the_published_keys_verify_a_token_with_its_claims(azure: Azure) -> None:
    discovery = requests.get(
        f"{azure.login}/{azure.tenant_id}/v2.0/.well-known/openid-configuration",
        verify=azure.ca or True,
        timeout=30,
    ).json()
    keys = requests.get(discovery["jwks_uri"], verify=azure.ca or True, timeout=30).json()
    token = azure.token()
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(one for one in keys["keys"] if one["kid"] == kid))
    claims = jwt.decode(token, key, ["RS256"], options={"verify_aud": False})
    assert claims["tid"] == azure.tenant_id
    assert claims["appid"] == azure.client_id
    assert claims["aud"].rstrip("/") == azure.arm
    assert claims["oid"]
    assert claims["exp"] > claims["nbf"]


def test_a_wrong_secret_is_the_error_that_clients_know(azure: Azure) -> None:
    credential = azure.credential(client_secret="not-the-secret")
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(f"{azure.arm}/.default")
    answer = _post_token(
        azure,
        azure.tenant_id,
        grant_type="client_credentials",
        client_id=azure.client_id,
        client_secret="not-the-secret",
        scope=f"{azure.arm}/.default",
    )
    body = answer.json()
    assert answer.status_code == 401
    assert body["error"] == "invalid_client"
    assert body["error_codes"] == [7000215]
    assert {"timestamp", "trace_id", "correlation_id", "error_description"} <= set(body)


def test_an_unknown_application_is_named(azure: Azure) -> None:
    unknown = "00000000-1111-2222-3333-444444444444"
    with pytest.raises(ClientAuthenticationError, match=rf"AADSTS700016.*{unknown}"):
        azure.credential(unknown, "x").get_token(f"{azure.arm}/.default")


def test_an_unknown_tenant_is_named(azure: Azure) -> None:
    unknown = "00000000-9999-2222-3333-444444444444"
    answer = _post_token(azure, unknown, grant_type="client_credentials", client_id="a")
    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [90002]
    assert unknown in answer.json()["error_description"]
    credential = ClientSecretCredential(
        unknown,
        azure.client_id,
        azure.client_secret,
        authority=azure.login,
        disable_instance_discovery=True,
        connection_verify=azure.ca or True,
    )
    with pytest.raises((ClientAuthenticationError, ValueError)):
        credential.get_token(f"{azure.arm}/.default")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"grant_type": ""}, 900144),
        ({"grant_type": "password"}, 70003),
        ({"client_secret": ""}, 7000216),
        ({"scope": ""}, 900144),
        ({"scope": "User.Read"}, 1002012),
        ({"scope": "https://example.org/.default"}, 500011),
    ],
)
def test_a_token_request_that_makes_no_sense_is_refused(
    azure: Azure, change: dict[str, str], code: int
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": azure.client_id,
        "client_secret": azure.client_secret,
        "scope": f"{azure.arm}/.default",
        **change,
    }
    answer = _post_token(azure, azure.tenant_id, **form)
    assert answer.status_code == 400 or code == 7000216
    assert answer.json()["error_codes"] == [code]


def test_arm_asks_for_a_token_and_says_where_to_get_it(azure: Azure) -> None:
    url = azure.arm + _GROUPS.format(azure.subscription_ids[0])
    answer = requests.get(url, verify=azure.ca or True, timeout=30)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "AuthenticationFailed"
    assert answer.headers["WWW-Authenticate"].startswith(
        f'Bearer authorization_uri="{azure.login}/{azure.tenant_id}"'
    )


def test_a_token_with_a_changed_claim_is_refused(azure: Azure) -> None:
    head, claims, signature = azure.token().split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    decoded["exp"] += 100_000
    changed = base64.urlsafe_b64encode(json.dumps(decoded).encode()).decode().rstrip("=")
    path = _GROUPS.format(azure.subscription_ids[0])
    answer = azure.call("GET", path, token=f"{head}.{changed}.{signature}")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_a_token_for_storage_is_no_token_for_arm(azure: Azure) -> None:
    token = azure.token("https://storage.azure.com/.default")
    answer = azure.call("GET", _GROUPS.format(azure.subscription_ids[0]), token=token)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"


def test_the_audience_of_the_public_cloud_is_taken_too(azure: Azure) -> None:
    token = azure.token("https://management.azure.com/.default")
    answer = azure.call("GET", _GROUPS.format(azure.subscription_ids[0]), token=token)
    assert answer.status_code == 200


@pytest.mark.control
def test_a_token_ends_when_the_clock_of_the_lab_says_so(azure: Azure, fresh: Control) -> None:
    token = azure.token()
    path = _GROUPS.format(azure.subscription_ids[0])
    assert azure.call("GET", path, token=token).status_code == 200
    fresh.advance(3000)
    assert azure.call("GET", path, token=token).status_code == 200
    fresh.advance(700)
    answer = azure.call("GET", path, token=token)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "ExpiredAuthenticationToken"
    fresh.reset()


@pytest.mark.control
def test_another_application_sees_only_what_its_roles_give(azure: Azure, fresh: Control) -> None:
    restricted = azure.credential(
        "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02", "restricted-secret-of-the-small-scene"
    )
    assert list(subscriptions(azure, restricted).subscriptions.list()) == []
    with pytest.raises(HttpResponseError) as caught:
        list(resources(azure, credential=restricted).resource_groups.list())
    assert caught.value.status_code == 403
    assert caught.value.error is not None
    assert caught.value.error.code == "AuthorizationFailed"
    text = str(caught.value)
    assert "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02" in text
    assert "Microsoft.Resources/subscriptions/resourceGroups/read" in text
    assert f"/subscriptions/{azure.subscription_ids[0]}" in text
