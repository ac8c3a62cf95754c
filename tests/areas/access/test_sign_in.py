"""Signing in, staying signed in, signing out; as the clients of this API do it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response

from kyanite.areas.access import user_queries
from kyanite.areas.access.routes import routers as access_routers
from kyanite.areas.appliance.routes import routers as appliance_routers
from kyanite.http.rights import Role
from support.api import ADMIN, PASSWORD, ApiUnderTest

TOKEN = "/api/oauth2/token"
ABOUT = "/api/v8.1/system/about"


def post(api: ApiUnderTest, **fields: str) -> Response:
    return api.client.post(TOKEN, data=fields)


def sign_in(api: ApiUnderTest, **more: str) -> dict[str, Any]:
    answer = post(api, grant_type="Password", username=ADMIN, password=PASSWORD, **more)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refresh(api: ApiUnderTest, token: str) -> Response:
    return post(api, grant_type="Refresh_token", refresh_token=token)


def works(api: ApiUnderTest, token: str) -> bool:
    answer = api.client.get(ABOUT, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code == 200


def test_a_sign_in_gives_a_pair_and_says_who_it_is(api: ApiUnderTest) -> None:
    body = sign_in(api)
    assert works(api, body["access_token"])
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    assert body[".issued"] == "2026-02-03T10:00:00Z"
    assert body[".expires"] == "2026-02-03T11:00:00Z"
    assert (body["username"], body["roleName"], body["userType"]) == (
        ADMIN,
        "PortalAdmin",
        "Internal",
    )
    assert (body["mfa_enabled"], body["shortLived"], body["latestNewsShown"]) == (
        False,
        False,
        False,
    )
    assert "mfa_token" not in body
    assert "redirectTo" not in body


@pytest.mark.acceptance("api-conventions", 1)
@pytest.mark.parametrize(
    "fields",
    [
        {"grant_type": "password", "username": ADMIN, "password": PASSWORD},
        {"Grant_Type": "PASSWORD", "Username": ADMIN, "PASSWORD": PASSWORD},
        {"username": ADMIN, "password": PASSWORD},
        {"grant_type": "", "username": ADMIN, "password": PASSWORD, "refresh_token": ""},
        {"grant_type": "Password", "username": ADMIN.upper(), "password": PASSWORD},
        {"username": ADMIN, "password": PASSWORD, "grant_type": "Password", "client_id": "x"},
        {
            "username": ADMIN,
            "password": PASSWORD,
            "grant_type": "Password",
            "short_lived_refresh_token": "false",
            "mfa_code": "",
        },
    ],
)
def test_every_way_in_which_clients_spell_a_sign_in_works(
    api: ApiUnderTest, fields: Mapping[str, str]
) -> None:
    assert post(api, **fields).status_code == 200


@pytest.mark.parametrize(
    ("fields", "member"),
    [
        ({}, "grant_type"),
        ({"grant_type": ""}, "grant_type"),
        ({"username": ADMIN}, "grant_type"),
        ({"grant_type": "Unknown", "username": ADMIN, "password": PASSWORD}, "grant_type"),
        ({"grant_type": "Magic"}, "grant_type"),
        ({"grant_type": "Password", "username": ADMIN}, "password"),
        ({"grant_type": "Password", "password": PASSWORD}, "username"),
        ({"grant_type": "Refresh_token"}, "refresh_token"),
        ({"grant_type": "Mfa", "mfa_token": "x"}, "mfa_code"),
        ({"grant_type": "Updater_token"}, "updater_token"),
        ({"grant_type": "Authorization_code"}, "authorization_code"),
        ({"grant_type": "Authentication_code"}, "authorization_code"),
        ({"grant_type": "Saml", "saml_response": "x"}, "grant_type"),
        ({"grant_type": "SsoToken", "sso_token": "x"}, "grant_type"),
    ],
)
def test_an_incomplete_request_is_400_and_names_the_field(
    api: ApiUnderTest, fields: Mapping[str, str], member: str
) -> None:
    answer = post(api, **fields)
    assert answer.status_code == 400
    assert member in answer.json()["errors"]


@pytest.mark.parametrize(
    "fields",
    [
        {"username": ADMIN, "password": "wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "nobody\u2028", "password": "😀" * 1000},
        {"grant_type": "Refresh_token", "refresh_token": "wrong"},
        {"grant_type": "Mfa", "mfa_token": "x", "mfa_code": "123456"},
        {"grant_type": "Updater_token", "updater_token": "x"},
        {"grant_type": "Authorization_code", "authorization_code": "x"},
    ],
)
def test_wrong_credentials_are_401_without_saying_what_was_wrong(
    api: ApiUnderTest, fields: Mapping[str, str]
) -> None:
    answer = api.client.post(
        TOKEN,
        data={k: v.encode("utf-16", "surrogatepass").decode("utf-16") for k, v in fields.items()},
    )
    assert answer.status_code == 401
    problem = answer.json()
    assert list(problem) == ["type", "title", "status", "detail", "instance", "traceId"]
    assert problem["instance"] == TOKEN


def test_a_name_that_does_not_exist_and_a_wrong_password_read_the_same(api: ApiUnderTest) -> None:
    one = post(api, username=ADMIN, password="wrong").json()
    other = post(api, username="nobody", password="wrong").json()
    assert one["detail"] == other["detail"]


@pytest.mark.acceptance("api-conventions", 2)
def test_a_refresh_token_is_no_bearer_token_and_the_other_way_round(api: ApiUnderTest) -> None:
    body = sign_in(api)
    assert not works(api, body["refresh_token"])
    assert refresh(api, body["access_token"]).status_code == 401


def test_a_refresh_without_grant_type_works_even_with_a_password_beside_it(
    api: ApiUnderTest,
) -> None:
    token = sign_in(api)["refresh_token"]
    answer = post(api, refresh_token=token, username=ADMIN, password="whatever")
    assert answer.status_code == 200


def test_an_access_token_ends_after_an_hour(api: ApiUnderTest) -> None:
    token = sign_in(api)["access_token"]
    api.clock.advance(timedelta(minutes=59, seconds=59))
    assert works(api, token)
    api.clock.advance(timedelta(seconds=1))
    assert not works(api, token)


@pytest.mark.parametrize(
    ("short", "lives"), [("false", timedelta(days=14)), ("true", timedelta(hours=1))]
)
def test_a_refresh_token_lives_as_long_as_was_asked_for(
    api: ApiUnderTest, short: str, lives: timedelta
) -> None:
    body = sign_in(api, short_lived_refresh_token=short)
    assert body["shortLived"] == (short == "true")
    api.clock.advance(lives - timedelta(seconds=1))
    renewed = refresh(api, body["refresh_token"])
    assert renewed.status_code == 200
    assert renewed.json()["shortLived"] == (short == "true")
    api.clock.advance(lives)
    assert refresh(api, renewed.json()["refresh_token"]).status_code == 401


def test_a_rotated_refresh_token_works_for_half_a_minute_more(api: ApiUnderTest) -> None:
    token = sign_in(api)["refresh_token"]
    first = refresh(api, token).json()
    api.clock.advance(timedelta(seconds=30))
    second = refresh(api, token)
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert works(api, first["access_token"])


@pytest.mark.acceptance("api-conventions", 3)
def test_reusing_a_rotated_refresh_token_later_revokes_everything_that_came_of_it(
    api: ApiUnderTest,
) -> None:
    body = sign_in(api)
    other = sign_in(api)
    renewed = refresh(api, body["refresh_token"]).json()
    api.clock.advance(timedelta(seconds=31))
    assert refresh(api, body["refresh_token"]).status_code == 401
    assert not works(api, renewed["access_token"])
    assert refresh(api, renewed["refresh_token"]).status_code == 401
    assert works(api, other["access_token"])


def test_signing_out_ends_the_pair_and_only_that_pair(api: ApiUnderTest) -> None:
    body, other = sign_in(api), sign_in(api)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    answer = api.client.delete(f"{TOKEN}?api-version=1", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not works(api, body["access_token"])
    assert refresh(api, body["refresh_token"]).status_code == 401
    assert works(api, other["access_token"])
    assert api.client.delete(TOKEN, headers=headers).status_code == 401


def test_tokens_survive_a_restart(api: ApiUnderTest) -> None:
    body = sign_in(api)
    again = ApiUnderTest(api.database, [*access_routers(), *appliance_routers()])
    assert works(again, body["access_token"])
    assert refresh(again, body["refresh_token"]).status_code == 200
    again.close()


def test_a_restart_forgives_no_guesses(api: ApiUnderTest) -> None:
    form = {"grant_type": "Password", "username": ADMIN}
    for _ in range(8):
        api.client.post(TOKEN, data={**form, "password": "a guess"})
    again = ApiUnderTest(api.database, [*access_routers(), *appliance_routers()])
    answer = again.client.post(TOKEN, data={**form, "password": PASSWORD})
    assert answer.status_code == 401
    again.clock.advance(timedelta(minutes=15))
    assert again.client.post(TOKEN, data={**form, "password": PASSWORD}).status_code == 200
    again.close()


def test_the_database_holds_neither_tokens_nor_passwords(api: ApiUnderTest) -> None:
    body = sign_in(api)
    with api.database.reading() as db:
        connection = db.connection()
        tables = ("users", "sign_ins", "tokens", "login_attempts")
        rows = [str(connection.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in tables]
    for secret in (body["access_token"], body["refresh_token"], PASSWORD):
        assert not any(secret in row for row in rows)


@pytest.mark.parametrize("change", ["password", "role", "removal"])
def test_changing_a_user_ends_its_tokens_at_once(api: ApiUnderTest, change: str) -> None:
    headers = api.signed_in(Role.PORTAL_OPERATOR)
    assert api.client.get(ABOUT, headers=headers).status_code == 200
    with api.database.reading() as db:
        user = user_queries.find(db, "user-PortalOperator")
    assert user is not None
    path = f"/api/v8.1/users/{user.id}"
    if change == "removal":
        answer = api.client.delete(path, headers=api.signed_in())
    else:
        body = {"password": "Another-Passw0rd", "role": None}
        if change == "role":
            body = {"role": "ReadOnlyUser", "password": None}
        answer = api.client.put(path, json=body, headers=api.signed_in())
    assert answer.is_success, answer.text
    assert api.client.get(ABOUT, headers=headers).status_code == 401


def test_what_has_ended_is_forgotten_at_the_next_sign_in(api: ApiUnderTest) -> None:
    sign_in(api)
    api.clock.advance(timedelta(days=100))
    sign_in(api)
    with api.database.reading() as db:
        connection = db.connection()
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar()
            for name in ("sign_ins", "tokens", "login_attempts")
        ]
    assert counts == [1, 2, 1]
