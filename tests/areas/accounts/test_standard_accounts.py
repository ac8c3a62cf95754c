"""Logins of mail and database servers over the API."""

from __future__ import annotations

import pytest

from kyanite.areas.accounts import STANDARD_ACCOUNT_USED_KIND, StandardAccounts
from kyanite.areas.accounts.tables import StandardAccountRow
from kyanite.base.errors import NotFound
from kyanite.base.json_types import JsonObject, as_list, as_object
from kyanite.db.uses import Thing, forget_user, replace_uses
from kyanite.http.rights import Role
from support.azure_parts import AzureParts

PATH = "/accounts/standard"
MAIL = {"kind": "Smtp", "name": "mail", "description": "of the office", "username": "kyanite"}
DATABASE = {"kind": "Database", "name": "sql", "username": "sa", "password": "P4ss-of-sql"}


def add(parts: AzureParts, **members: object) -> JsonObject:
    """A new account."""
    answer = parts.call("POST", PATH, members)
    assert answer.status_code == 201, answer.text
    found: JsonObject = answer.json()
    assert answer.headers["location"].endswith(f"{PATH}/{found['id']}")
    return found


def names(page: JsonObject) -> list[object]:
    return [as_object(one)["name"] for one in as_list(page["results"])]


def test_an_account_is_added_changed_and_removed(both: AzureParts) -> None:
    made = add(both, **MAIL, password="P4ss-of-mail")
    assert str(made["id"]).isdigit()
    own = f"{PATH}/{made['id']}"
    assert both.get(own) == made
    assert {key: made[key] for key in MAIL} == MAIL
    changed = both.call("PUT", own, {"name": "post", "description": "x", "username": "other"})
    assert changed.status_code == 200
    assert both.get(own)["username"] == "other"
    assert both.call("DELETE", own).status_code == 204
    assert both.call("GET", own).status_code == 404
    assert both.call("DELETE", own).status_code == 404
    assert both.call("PUT", own, {"name": "post"}).status_code == 404


def test_a_password_is_sealed_and_stays_when_absent(both: AzureParts) -> None:
    made = add(both, **DATABASE)
    id_ = str(made["id"])
    logins = both.api.provisions.get(StandardAccounts)
    assert both.call("PUT", f"{PATH}/{id_}", {"name": "renamed"}).status_code == 200
    with both.database.reading() as db:
        assert logins.login_of(db, id_).password == "P4ss-of-sql"
        assert logins.login_of(db, id_).username == "sa"
        assert "P4ss" not in repr(logins.login_of(db, id_))
        sealed = db.get_one(StandardAccountRow, int(id_)).password_sealed
        assert sealed is not None
        assert b"P4ss" not in sealed
    both.call("PUT", f"{PATH}/{id_}", {"name": "renamed", "password": "another"})
    with both.database.reading() as db:
        assert logins.login_of(db, id_).password == "another"
        with pytest.raises(NotFound):
            logins.login_of(db, "4711")


@pytest.mark.parametrize(
    ("wrong", "member"),
    [
        ({"kind": None}, "kind"),
        ({"name": "a/b"}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"description": "x" * 513}, "description"),
        ({"username": "x" * 256}, "username"),
        ({"password": None}, "password"),
        ({"username": None}, "password"),
        ({"kind": "Unknown"}, "kind"),
    ],
)
def test_values_that_make_no_sense_are_refused(
    parts: AzureParts, wrong: dict[str, object], member: str
) -> None:
    answer = parts.call("POST", PATH, {**DATABASE, **wrong})
    assert answer.status_code == 400, answer.text
    assert member in answer.json()["errors"]
    assert parts.get(PATH)["totalCount"] == 0


def test_the_kind_stays(both: AzureParts) -> None:
    made = add(both, **MAIL)
    answer = both.call("PUT", f"{PATH}/{made['id']}", {**DATABASE})
    assert answer.status_code == 400
    assert "kind" in answer.json()["errors"]
    same = both.call("PUT", f"{PATH}/{made['id']}", {"kind": "Smtp", "name": "mail"})
    assert same.status_code == 200


def test_the_lists_are_filtered_and_paged(both: AzureParts) -> None:
    for name in ("Beta", "alpha", "beta_2"):
        add(both, kind="Smtp", name=name)
    add(both, **{**DATABASE, "name": "alpha db"})
    assert names(both.get(PATH)) == ["alpha", "alpha db", "Beta", "beta_2"]
    assert names(both.get(PATH, Type="Smtp")) == ["alpha", "Beta", "beta_2"]
    assert names(both.get(PATH, Type="Smtp,Database", SearchPattern="ALPHA")) == [
        "alpha",
        "alpha db",
    ]
    assert names(both.get(PATH, SearchPattern="a_2")) == ["beta_2"]
    page = both.get(f"{PATH}/names", Limit=1, Offset=2)
    assert (page["totalCount"], names(page)) == (4, ["Beta"])
    (entry,) = as_list(page["results"])
    assert set(as_object(entry)) == {"id", "name"}


def test_the_export_has_the_columns_of_the_list_and_no_formula(both: AzureParts) -> None:
    one = add(both, kind="Smtp", name="one", description="=1+1", username="@user")
    add(both, kind="Smtp", name="other")
    answer = both.call("POST", f"{PATH}/export", {"accountIds": [one["id"], "nonsense"]})
    assert answer.text == (
        f"\ufeffid,kind,name,description,username\r\n{one['id']},Smtp,one,'=1+1,'@user\r\n"
    )
    assert "other" in both.call("POST", f"{PATH}/export", {"type": ["Smtp"]}).text
    assert "other" not in both.call("POST", f"{PATH}/export", {"searchPattern": "ONE"}).text


def test_an_account_in_use_is_not_removed(both: AzureParts) -> None:
    id_ = str(add(both, **MAIL)["id"])
    user = Thing("mail settings", "1")
    with both.database.writing() as db:
        replace_uses(db, user, [Thing(STANDARD_ACCOUNT_USED_KIND, id_)])
    assert both.call("DELETE", f"{PATH}/{id_}").status_code == 400
    with both.database.writing() as db:
        forget_user(db, user)
    assert both.call("DELETE", f"{PATH}/{id_}").status_code == 204


@pytest.mark.parametrize("id_", ["0", "-1", "1e3", "٣", "9" * 30, "x", "9223372036854775808"])
def test_ids_that_nobody_has_are_not_found(both: AzureParts, id_: str) -> None:
    assert both.call("GET", f"{PATH}/{id_}").status_code == 404


def test_operators_see_names_only(parts: AzureParts) -> None:
    headers = parts.api.signed_in(Role.PORTAL_OPERATOR)
    client = parts.api.client
    assert client.get(f"/api/v8.1{PATH}/names", headers=headers).status_code == 200
    assert client.get(f"/api/v8.1{PATH}", headers=headers).status_code == 403
