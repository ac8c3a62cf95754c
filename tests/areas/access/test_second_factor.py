"""The second factor: offered, accepted, asked for, used up, taken away."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import text

from kyanite.http.rights import Role
from support.api import PASSWORD, ApiUnderTest

if TYPE_CHECKING:
    from .conftest import People


@pytest.fixture
def user_id(people: People) -> str:
    return people.add("ops")


def first_step(people: People) -> dict[str, Any]:
    answer = people.sign_in("ops")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_an_offer_has_all_that_an_application_needs(people: People, user_id: str) -> None:
    shown = people.call("POST", f"/{user_id}/enableMfa", {"recreate": False}).json()
    assert shown["userId"] == user_id
    assert len(shown["secretKey"]) == 26
    assert len(base64.b32decode(shown["secretKey"] + "======")) == 16
    assert len(set(shown["scratchCodes"])) == 5
    assert all(len(one) == 8 and one.isdecimal() for one in shown["scratchCodes"])
    address = urlsplit(shown["qrString"])
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/ops@appliance.example.org"
    assert parse_qs(address.query) == {
        "secret": [shown["secretKey"]],
        "issuer": ["appliance.example.org"],
    }


@pytest.mark.parametrize("body", [{"recreate": "false"}, {"recreate": False}, {}, None])
def test_every_way_in_which_clients_ask_for_an_offer_works(
    quick_people: People, body: object
) -> None:
    user_id = quick_people.add("ops")
    assert quick_people.call("POST", f"/{user_id}/enableMfa", body).status_code == 200


@pytest.mark.acceptance("accounts-and-users", 5)
def test_an_offer_alone_does_not_change_the_sign_in(people: People, user_id: str) -> None:
    people.call("POST", f"/{user_id}/enableMfa", {"recreate": False})
    assert "access_token" in first_step(people)
    assert people.call("GET", f"/{user_id}").json()["mfaEnabled"] is False


@pytest.mark.parametrize("wrong", ["code", "token", "late"])
def test_an_offer_is_accepted_with_its_token_and_a_code_within_ten_minutes(
    api: ApiUnderTest, people: People, user_id: str, wrong: str
) -> None:
    shown = people.call("POST", f"/{user_id}/enableMfa", {"recreate": False}).json()
    if wrong == "late":
        api.clock.advance(timedelta(minutes=10))
    code = people.code(shown["secretKey"])
    body = {
        "code": f"{(int(code) + 1) % 10**6:06}" if wrong == "code" else code,
        "token": "x" if wrong == "token" else shown["token"],
    }
    answer = people.call("POST", f"/{user_id}/acceptMfa", body)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"code" if wrong == "code" else "token"}
    assert "access_token" in first_step(people)


@pytest.mark.acceptance("api-conventions", 4)
def test_the_first_step_gives_no_tokens(people: People, user_id: str) -> None:
    people.with_second_factor(user_id)
    assert people.call("GET", f"/{user_id}").json()["mfaEnabled"] is True
    body = first_step(people)
    assert "access_token" not in body
    assert "refresh_token" not in body
    assert (body["expires_in"], body["mfa_enabled"]) == (0, True)
    assert (body[".issued"], body[".expires"]) == ("0001-01-01T00:00:00Z",) * 2
    assert (body["userId"], body["username"], body["roleName"]) == (
        user_id,
        "ops",
        "PortalOperator",
    )
    assert body["mfa_token"]


def test_the_second_step_gives_the_pair_and_says_that_no_more_is_needed(
    people: People, user_id: str
) -> None:
    secret = people.with_second_factor(user_id)["secretKey"]
    answer = people.second_step(first_step(people)["mfa_token"], people.code(secret))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["access_token"]
    assert body["refresh_token"]
    assert (body["mfa_enabled"], body["username"]) == (False, "ops")
    assert "mfa_token" not in body


@pytest.mark.parametrize("steps", [-1, 1])
def test_a_clock_may_be_one_step_off(
    api: ApiUnderTest, people: People, user_id: str, steps: int
) -> None:
    secret = people.with_second_factor(user_id)["secretKey"]
    api.clock.advance(timedelta(minutes=2))
    token = first_step(people)["mfa_token"]
    assert people.second_step(token, people.code(secret, 2 * steps)).status_code == 401
    assert people.second_step(token, people.code(secret, steps)).status_code == 200


def test_a_code_is_good_once(people: People, user_id: str) -> None:
    secret = people.with_second_factor(user_id)["secretKey"]
    code = people.code(secret)
    assert people.second_step(first_step(people)["mfa_token"], code).status_code == 200
    assert people.second_step(first_step(people)["mfa_token"], code).status_code == 401


def test_the_token_of_the_first_step_is_good_for_one_sign_in_and_five_minutes(
    api: ApiUnderTest, people: People, user_id: str
) -> None:
    shown = people.with_second_factor(user_id)
    codes = shown["scratchCodes"]
    token = first_step(people)["mfa_token"]
    assert people.second_step(token, codes[0]).status_code == 200
    assert people.second_step(token, codes[1]).status_code == 401
    late = first_step(people)["mfa_token"]
    api.clock.advance(timedelta(minutes=5))
    assert people.second_step(late, codes[1]).status_code == 401


def test_the_token_of_the_first_step_is_neither_a_bearer_nor_a_refresh_token(
    api: ApiUnderTest, people: People, user_id: str
) -> None:
    people.with_second_factor(user_id)
    token = first_step(people)["mfa_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert api.client.get("/api/v8.1/system/about", headers=headers).status_code == 401
    form = {"grant_type": "Refresh_token", "refresh_token": token}
    assert api.client.post("/api/oauth2/token", data=form).status_code == 401


@pytest.mark.acceptance("accounts-and-users", 6)
def test_a_recovery_code_works_exactly_once(people: People, user_id: str) -> None:
    codes = people.with_second_factor(user_id)["scratchCodes"]
    for code in codes:
        assert people.second_step(first_step(people)["mfa_token"], code).status_code == 200
        assert people.second_step(first_step(people)["mfa_token"], code).status_code == 401


def test_the_short_life_that_was_asked_for_first_is_that_of_the_pair(
    people: People, user_id: str
) -> None:
    secret = people.with_second_factor(user_id)["secretKey"]
    first = people.sign_in("ops", short_lived_refresh_token="true").json()
    pair = people.second_step(first["mfa_token"], people.code(secret)).json()
    assert (first["shortLived"], pair["shortLived"]) == (True, True)


def test_codes_cannot_be_guessed_between_two_right_passwords(
    api: ApiUnderTest, people: People, user_id: str
) -> None:
    secret = people.with_second_factor(user_id)["secretKey"]
    for _ in range(5):
        assert people.second_step(first_step(people)["mfa_token"], "12345").status_code == 401
    assert people.sign_in("ops").status_code == 401
    api.clock.advance(timedelta(seconds=61))
    token = first_step(people)["mfa_token"]
    assert people.second_step(token, people.code(secret)).status_code == 200


def test_a_new_offer_needs_to_be_asked_for_and_replaces_the_old_one_when_accepted(
    people: People, user_id: str
) -> None:
    old = people.with_second_factor(user_id)
    assert people.call("POST", f"/{user_id}/enableMfa", {"recreate": False}).status_code == 400
    new = people.call("POST", f"/{user_id}/enableMfa", {"recreate": True}).json()
    still = people.second_step(first_step(people)["mfa_token"], old["scratchCodes"][0])
    assert still.status_code == 200
    body = {"code": people.code(new["secretKey"]), "token": new["token"]}
    assert people.call("POST", f"/{user_id}/acceptMfa", body).status_code == 204
    for code, status in ((old["scratchCodes"][1], 401), (new["scratchCodes"][0], 200)):
        assert people.second_step(first_step(people)["mfa_token"], code).status_code == status


def test_it_is_taken_away_by_the_user_or_an_administrator_also_when_there_is_none(
    api: ApiUnderTest, people: People, user_id: str
) -> None:
    headers = people.headers("ops")
    people.with_second_factor(user_id)
    path = f"/api/v8.1/users/{user_id}/disableMfa"
    assert api.client.post(path, headers=headers).status_code == 204
    assert "access_token" in first_step(people)
    assert people.call("POST", f"/{user_id}/disableMfa").status_code == 204


@pytest.mark.parametrize("action", ["enableMfa", "acceptMfa", "disableMfa"])
def test_nobody_but_an_administrator_touches_the_factor_of_somebody_else(
    api: ApiUnderTest, people: People, user_id: str, action: str
) -> None:
    headers = api.signed_in(Role.READ_ONLY_USER)
    path = f"/api/v8.1/users/{user_id}/{action}"
    assert api.client.post(path, json={}, headers=headers).status_code == 403
    unknown = "/api/v8.1/users/00000000-0000-4000-8000-000000000000/disableMfa"
    assert api.client.post(unknown, headers=headers).status_code == 403
    assert api.client.post(unknown, headers=api.signed_in()).status_code == 404


def test_a_new_password_ends_a_sign_in_between_its_steps(people: People, user_id: str) -> None:
    shown = people.with_second_factor(user_id)
    token = first_step(people)["mfa_token"]
    people.call("PUT", f"/{user_id}", {"password": "Another-Passw0rd"})
    assert people.second_step(token, shown["scratchCodes"][0]).status_code == 401


def test_the_database_holds_neither_secret_nor_codes(
    api: ApiUnderTest, people: People, user_id: str
) -> None:
    shown = people.with_second_factor(user_id)
    people.call("POST", f"/{user_id}/enableMfa", {"recreate": True})
    tables = ("users", "recovery_codes", "mfa_enrolments", "audit_entries", "tokens")
    with api.database.reading() as db:
        rows = [str(db.execute(text(f"SELECT * FROM {name}")).all()) for name in tables]
    for secret in (shown["secretKey"], shown["token"], PASSWORD, *shown["scratchCodes"]):
        assert not any(secret in row for row in rows)


def test_a_factor_moved_to_another_user_in_the_database_opens_nothing(
    api: ApiUnderTest, people: People, user_id: str
) -> None:
    shown = people.with_second_factor(user_id)
    people.add("victim", "PortalAdmin")
    with api.database.writing() as db:
        db.execute(
            text(
                "UPDATE users SET mfa_secret = (SELECT mfa_secret FROM users WHERE name = 'ops')"
                " WHERE name = 'victim'"
            )
        )
    token = people.sign_in("victim").json()["mfa_token"]
    answer = people.second_step(token, people.code(shown["secretKey"]))
    assert not answer.is_success
