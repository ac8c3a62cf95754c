"""Users over the API: made, listed, changed, exported, deleted; and their passwords."""

from __future__ import annotations

import csv
import io
import threading
from datetime import timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from sqlalchemy import update

from kyanite.areas.access import user_queries
from kyanite.areas.access.tables import UserRow
from kyanite.http.rights import Role
from support.api import ADMIN, PASSWORD, ApiUnderTest

if TYPE_CHECKING:
    from .conftest import People

NEW = "Another-Passw0rd"
NOBODY = "00000000-0000-4000-8000-000000000000"


def id_of(api: ApiUnderTest, name: str) -> str:
    with api.database.reading() as db:
        row = user_queries.find(db, name)
    assert row is not None
    return row.id


def test_a_user_is_made_shown_and_can_sign_in(people: People) -> None:
    body = {
        "name": "ops",
        "description": "night shift, room 2.",
        "role": "portaloperator",
        "password": PASSWORD,
    }
    answer = people.call("POST", "", body)
    assert answer.status_code == 201
    user = answer.json()
    assert answer.headers["location"].endswith(f"/api/v8.1/users/{user['id']}")
    assert user["_links"]["self"]["href"] == answer.headers["location"]
    assert {name: value for name, value in user.items() if name not in ("id", "_links")} == {
        "name": "ops",
        "description": "night shift, room 2.",
        "role": "PortalOperator",
        "type": "Internal",
        "identityProviderEntityId": None,
        "mfaEnabled": False,
        "isDefault": False,
    }
    assert people.call("GET", f"/{user['id']}").json() == user
    assert people.sign_in("OPS").json()["roleName"] == "PortalOperator"


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"name": "with blank"}, "name"),
        ({"name": "line\n"}, "name"),
        ({"name": "Bäcker"}, "name"),
        ({"name": ADMIN.upper()}, "name"),
        ({"description": None}, "description"),
        ({"description": "<script>"}, "description"),
        ({"description": "x" * 513}, "description"),
        ({"role": None}, "role"),
        ({"role": "VeeamUpdater"}, "role"),
        ({"role": "Unknown"}, "role"),
        ({"role": "King"}, "role"),
        ({"password": None}, "password"),
        ({"password": "short-Pw1"}, "password"),
        ({"password": "only-lower-case-letters"}, "password"),
        ({"password": "Password1234!"}, "password"),
        ({"password": "Aa1-" + "x" * 69}, "password"),
        ({"type": "IdentityProvider", "password": None}, "type"),
        ({"type": "Unknown"}, "type"),
    ],
)
def test_a_user_that_cannot_be_is_400_and_names_the_member(
    quick_people: People, change: dict[str, object], member: str
) -> None:
    people = quick_people
    body = {"name": "ops", "description": "", "role": "PortalOperator", "password": PASSWORD}
    answer = people.call("POST", "", body | change)
    assert answer.status_code == 400
    assert member in answer.json()["errors"]
    assert people.call("GET", "?NameFilter=ops").json()["totalCount"] == 0


def test_lists_are_by_name_narrowed_and_paged(people: People) -> None:
    for name in ("zoe", "Anna", "mia_1", "mia-2"):
        people.add(name)
    everybody = people.call("GET", "").json()
    assert [one["name"] for one in everybody["results"]] == [
        "Anna",
        ADMIN,
        "mia-2",
        "mia_1",
        "zoe",
    ]
    found = people.call("GET", "?nameFilter=MIA_&limit=1").json()
    assert ([one["name"] for one in found["results"]], found["totalCount"]) == (["mia_1"], 1)
    paged = people.call("GET", "?Offset=1&Limit=2").json()
    assert ([one["name"] for one in paged["results"]], paged["totalCount"]) == (
        [ADMIN, "mia-2"],
        5,
    )


def test_what_a_change_does_not_name_stays(people: People) -> None:
    user_id = people.add("ops", description="night shift")
    answer = people.call("PUT", f"/{user_id}", {"name": "ops2"})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["description"], answer.json()["role"]) == (
        "ops2",
        "night shift",
        "PortalOperator",
    )
    assert people.sign_in("ops2").status_code == 200
    assert people.sign_in("ops").status_code == 401


def test_a_new_name_must_be_free_and_may_change_its_case(people: People) -> None:
    user_id = people.add("ops")
    people.add("other")
    assert people.call("PUT", f"/{user_id}", {"name": "OTHER"}).status_code == 400
    assert people.call("PUT", f"/{user_id}", {"name": "OPS"}).json()["name"] == "OPS"
    assert people.call("PUT", f"/{NOBODY}", {"name": "x"}).status_code == 404


def test_the_first_administrator_stays_what_it_is(api: ApiUnderTest, people: People) -> None:
    first = id_of(api, ADMIN)
    assert people.call("GET", f"/{first}").json()["isDefault"] is True
    for body in ({"role": "ReadOnlyUser"}, {"name": "other"}):
        assert people.call("PUT", f"/{first}", body).status_code == 400
    people.add("second", "PortalAdmin")
    headers = people.headers("second")
    answer = api.client.delete(f"/api/v8.1/users/{first}", headers=headers)
    assert answer.status_code == 400
    changed = people.call("PUT", f"/{first}", {"description": "the first", "role": "PortalAdmin"})
    assert changed.json()["description"] == "the first"


def test_nobody_deletes_the_own_account_nor_the_last_administrator(
    api: ApiUnderTest, people: People
) -> None:
    second = people.add("second", "PortalAdmin")
    headers = people.headers("second")
    own = api.client.delete(f"/api/v8.1/users/{second}", headers=headers)
    assert own.status_code == 400
    with api.database.writing() as db:  # the first one is not there, as in a moved database
        db.execute(update(UserRow).where(UserRow.name == ADMIN).values(role="ReadOnlyUser"))
    answer = api.client.put(
        f"/api/v8.1/users/{second}", json={"role": "PortalOperator"}, headers=headers
    )
    assert answer.status_code == 400
    assert "role" in answer.json()["errors"]


def test_two_administrators_cannot_demote_each_other_at_the_same_time(
    api: ApiUnderTest, people: People
) -> None:
    ids = [people.add(name, "PortalAdmin") for name in ("one", "two")]
    headers = [people.headers(name) for name in ("one", "two")]
    with api.database.writing() as db:
        db.execute(update(UserRow).where(UserRow.name == ADMIN).values(role="ReadOnlyUser"))
    statuses: list[int] = []

    def demote(target: str, by: dict[str, str]) -> None:
        body = {"role": "PortalOperator"}
        answer = api.client.put(f"/api/v8.1/users/{target}", json=body, headers=by)
        statuses.append(answer.status_code)

    threads = [
        threading.Thread(target=demote, args=pair)
        for pair in zip(ids, reversed(headers), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with api.database.reading() as db:
        assert user_queries.other_administrators(db, "") >= 1
    assert statuses.count(200) == 1


def test_a_deleted_user_is_gone_with_its_tokens(api: ApiUnderTest, people: People) -> None:
    user_id = people.add("ops")
    people.with_second_factor(user_id)
    assert people.call("DELETE", f"/{user_id}").status_code == 204
    assert people.call("GET", f"/{user_id}").status_code == 404
    assert people.call("DELETE", f"/{user_id}").status_code == 404
    assert people.sign_in("ops").status_code == 401
    people.add("ops")


def test_an_export_has_the_columns_of_the_list(api: ApiUnderTest, people: People) -> None:
    ids = [people.add(name) for name in ("anna", "ben")]
    headers = api.signed_in()
    path = "/api/v8.1/users/export"
    everything = api.client.post(path, headers=headers)
    assert everything.headers["content-type"] == "application/octet-stream"
    assert "users_" in everything.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(everything.content.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["anna", ADMIN, "ben"]
    assert set(rows[0]) == set(people.call("GET", f"/{ids[0]}").json()) - {"_links"}
    narrowed = api.client.post(path, json={"userIds": ids, "nameFilter": "B"}, headers=headers)
    assert len(narrowed.content.splitlines()) == 2
    xml = api.client.post(path, json={}, headers=headers | {"Accept": "text/xml"})
    assert [one.text for one in ElementTree.fromstring(xml.content).iter("name")] == [
        "anna",
        ADMIN,
        "ben",
    ]


def change_own(
    api: ApiUnderTest, headers: dict[str, str], current: str | None, new: str | None
) -> int:
    body = {"currentPassword": current, "newPassword": new}
    path = "/api/v8.1/users/changePassword"
    return api.client.post(path, json=body, headers=headers).status_code


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.UPDATER])
def test_everybody_changes_the_own_password_and_has_to_sign_in_again(
    quick_people: People, role: Role
) -> None:
    people, api = quick_people, quick_people.api
    name = ADMIN if role is Role.PORTAL_ADMIN else f"user-{role.value}"
    headers = api.signed_in(role)
    refresh = people.sign_in(name).json()["refresh_token"]
    for current, new in ((None, NEW), (PASSWORD, None), ("wrong", NEW), (PASSWORD, "Weak-1")):
        assert change_own(api, headers, current, new) == 400
    assert change_own(api, headers, PASSWORD, NEW) == 204
    assert change_own(api, headers, NEW, PASSWORD) == 401
    form = {"grant_type": "Refresh_token", "refresh_token": refresh}
    assert api.client.post("/api/oauth2/token", data=form).status_code == 401
    assert people.sign_in(name).status_code == 401
    assert people.sign_in(name, NEW).status_code == 200


def change_of(people: People, user_id: str, headers: dict[str, str], proof: str) -> int:
    body = {"newPassword": NEW, "adminsPassword": proof}
    path = f"/api/v8.1/users/{user_id}/changePassword"
    return people.api.client.post(path, json=body, headers=headers).status_code


def test_an_administrator_changes_a_password_with_the_own_or_the_first_ones(
    people: People,
) -> None:
    user_id = people.add("ops")
    own = "Second-Admin-Pa55"
    people.add("second", "PortalAdmin", password=own)
    headers = people.headers("second", own)
    for proof, status in (("wrong", 400), (PASSWORD, 204), (own, 204)):
        assert change_of(people, user_id, headers, proof) == status
    assert people.sign_in("ops", NEW).status_code == 200
    assert change_of(people, NOBODY, headers, own) == 400


def test_a_password_is_not_guessed_by_changing_it(api: ApiUnderTest, people: People) -> None:
    people.add("ops")
    headers = people.headers("ops")
    for _ in range(5):
        assert change_own(api, headers, "Wrong-Passw0rd", NEW) == 400
    assert change_own(api, headers, PASSWORD, NEW) == 400
    api.clock.advance(timedelta(seconds=2))
    assert change_own(api, headers, PASSWORD, NEW) == 204


@pytest.mark.acceptance("accounts-and-users", 9)
def test_a_user_of_an_identity_provider_has_no_password_and_no_factor_here(
    api: ApiUnderTest, people: People, provider_user: str
) -> None:
    headers = people.headers("of-provider")
    assert people.call("POST", f"/{provider_user}/enableMfa", {}).status_code == 400
    assert change_own(api, headers, PASSWORD, NEW) == 400
    assert change_of(people, provider_user, api.signed_in(), PASSWORD) == 400
    assert people.call("PUT", f"/{provider_user}", {"password": NEW}).status_code == 400
    assert people.call("PUT", f"/{provider_user}", {"name": "x"}).status_code == 400
    shown = people.call("GET", f"/{provider_user}").json()
    assert (shown["type"], shown["identityProviderEntityId"]) == (
        "IdentityProvider",
        "https://idp.example",
    )


def test_what_is_done_to_users_is_in_the_audit_log(api: ApiUnderTest, people: People) -> None:
    user_id = people.add("ops")
    people.call("PUT", f"/{user_id}", {"role": "ReadOnlyUser"})
    people.sign_in("ops", "Wrong-Passw0rd")
    people.call("DELETE", f"/{user_id}")
    with api.database.reading() as db:
        from kyanite.areas.audit.queries import entries_after

        rows = [row for row in entries_after(db, 0, 100) if row.target == user_id]
    assert [(row.actor_name, row.action, row.status) for row in rows] == [
        (ADMIN, "User_CreateUser", 201),
        (ADMIN, "User_UpdateUser", 200),
        ("ops", "SignIn", 401),
        (ADMIN, "User_DeleteUser", 204),
    ]
    assert "ReadOnlyUser" in rows[1].detail
