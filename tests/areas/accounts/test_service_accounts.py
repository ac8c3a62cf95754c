"""Service accounts over the API, against an Azure."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text
from kyanite.db.uses import Thing, forget_user, replace_uses
from kyanite.http.rights import Role
from kyanite.rules.permission_sets import ALL_PURPOSES
from support.azure_parts import AzureParts

SERVICE = "/accounts/azure/service"


def only(page: JsonObject) -> JsonObject:
    """The single result of a page."""
    results = as_list(page["results"])
    assert len(results) == page["totalCount"] == 1
    return as_object(results[0])


def test_a_saved_account_is_listed_with_what_it_sees(parts: AzureParts) -> None:
    account_id = parts.save_account("prod-backup")
    account = only(parts.get(SERVICE))
    assert account["accountId"] == account_id
    assert account["name"] == "prod-backup"
    assert account["region"] == "Global"
    assert account["accountOrigin"] == "Imported Secret"
    assert account["accountState"] == "Created"
    assert account["cloudState"] == "Valid"
    assert account["purposes"] == list(ALL_PURPOSES)
    assert sorted(as_list(account["subscriptionIds"]), key=str) == sorted(
        parts.azure.subscription_ids
    )
    assert account["azurePermissionsStateCheckTimeUtc"]
    assert parts.get(f"{SERVICE}/{account_id.upper()}") == account


def test_saving_runs_the_first_inventory(parts: AzureParts) -> None:
    account_id = parts.save_account()
    found = parts.get("/cloudInfrastructure/subscriptions", AccountId=account_id)
    assert found["totalCount"] == len(parts.azure.subscription_ids)
    assert as_list(parts.get("/cloudInfrastructure/regions")["results"])


def test_the_secret_is_neither_returned_nor_stored_in_the_clear(parts: AzureParts) -> None:
    parts.save_account()
    assert parts.azure.client_secret not in parts.call("GET", SERVICE).text
    with parts.database.reading() as db:
        row = db.scalars(select(ServiceAccountRow)).one()
        assert parts.azure.client_secret.encode() not in row.credential_sealed


@pytest.mark.parametrize(
    ("wrong", "member", "words"),
    [
        ({"clientSecret": "nonsense"}, "clientSecret", "secret is wrong"),
        (
            {"applicationId": "11111111-2222-3333-4444-555555555555"},
            "clientSecret",
            "no such application",
        ),
        ({"clientSecret": ""}, "clientSecret", "either a client secret or a certificate"),
        (
            {"applicationCertificate": "AAAA", "applicationCertificateName": "x"},
            "clientSecret",
            "not both",
        ),
        (
            {
                "clientSecret": "",
                "applicationCertificate": "data:application/octet-stream;base64,AAAA",
                "applicationCertificateName": "x.pfx",
            },
            "applicationCertificate",
            "cannot be opened",
        ),
        (
            {"clientSecret": "", "applicationCertificate": "§"},
            "applicationCertificate",
            "not base64",
        ),
        ({"azureAccountPurposes": ["None"]}, "azureAccountPurposes", "not a purpose"),
    ],
)
def test_wrong_credentials_are_refused_with_the_reason_and_nothing_is_saved(
    parts: AzureParts, wrong: dict[str, object], member: str, words: str
) -> None:
    answer = parts.call(
        "POST",
        f"{SERVICE}/saveByApp",
        {
            "accountInfo": {"name": "lab"},
            "clientLoginParameters": parts.login_parameters(**wrong),
        },
    )
    assert answer.status_code == 400, answer.text
    assert words in " ".join(answer.json()["errors"][member])
    assert "nonsense" not in answer.text
    assert parts.get(SERVICE)["totalCount"] == 0


@pytest.mark.parametrize("name", ["", "a/b", "x" * 256])
def test_names_that_are_none_are_refused(parts: AzureParts, name: str) -> None:
    answer = parts.call(
        "POST",
        f"{SERVICE}/saveByApp",
        {"accountInfo": {"name": name}, "clientLoginParameters": parts.login_parameters()},
    )
    assert answer.status_code == 400
    assert "accountInfo.name" in answer.json()["errors"]


def test_a_name_is_given_once(parts: AzureParts) -> None:
    parts.save_account("lab")
    answer = parts.call(
        "POST",
        f"{SERVICE}/saveByApp",
        {"accountInfo": {"name": "LAB"}, "clientLoginParameters": parts.login_parameters()},
    )
    assert answer.status_code == 400
    assert "accountInfo.name" in answer.json()["errors"]


def test_the_list_is_filtered_by_name_and_purpose(parts: AzureParts) -> None:
    parts.save_account("for backup", azureAccountPurposes=["VirtualMachineBackup", "Repository"])
    parts.save_account("for files", azureAccountPurposes=["AzureFiles"])
    assert only(parts.get(SERVICE, Filter="FILES"))["name"] == "for files"
    assert only(parts.get(SERVICE, Purpose="Repository"))["name"] == "for backup"
    both = parts.get(SERVICE, Purpose="Repository,AzureFiles")
    assert both["totalCount"] == 0
    page = parts.get(SERVICE, limit=1, offset=1)
    assert [as_object(item)["name"] for item in as_list(page["results"])] == ["for files"]


def test_the_scope_can_be_limited(parts: AzureParts) -> None:
    first, second = parts.azure.subscription_ids[:2]
    lost = "99999999-0000-0000-0000-000000000009"
    account_id = parts.save_account(subscriptions=[first, lost])
    account = parts.get(f"{SERVICE}/{account_id}")
    assert account["subscriptionIds"] == [first, lost]
    assert "MissingSubscriptions" in as_list(account["azurePermissionsState"])
    seen = parts.get("/cloudInfrastructure/subscriptions", AccountId=account_id)
    assert only(seen)["id"] == first
    assert parts.get("/cloudInfrastructure/subscriptions", OnlyIds=second)["totalCount"] == 0


def test_an_account_in_use_is_not_deleted(parts: AzureParts) -> None:
    account_id = parts.save_account()
    policy = Thing("vm-policy", "p1")
    with parts.database.writing() as db:
        replace_uses(db, policy, [Thing("account", account_id)])
    answer = parts.call("DELETE", f"{SERVICE}/{account_id}")
    assert answer.status_code == 409
    assert answer.json()["resourceId"] == account_id
    with parts.database.writing() as db:
        forget_user(db, policy)
    assert parts.call("DELETE", f"{SERVICE}/{account_id}").status_code == 204
    assert parts.call("DELETE", f"{SERVICE}/{account_id}").status_code == 404
    assert parts.get("/cloudInfrastructure/subscriptions")["totalCount"] == 0


def test_unknown_accounts_are_not_found(parts: AzureParts) -> None:
    unknown = "00000000-0000-0000-0000-00000000000a"
    assert parts.call("GET", f"{SERVICE}/{unknown}").status_code == 404
    assert parts.call("GET", f"{SERVICE}/nonsense").status_code == 404
    assert parts.call("POST", f"{SERVICE}/{unknown}/checkPermissions").status_code == 404
    assert parts.call("POST", f"{SERVICE}/nonsense/checkPermissions").status_code == 400


@pytest.mark.parametrize(
    ("role", "reads"),
    [(Role.PORTAL_OPERATOR, 200), (Role.RESTORE_OPERATOR, 200), (Role.READ_ONLY_USER, 403)],
)
def test_only_administrators_change_accounts(parts: AzureParts, role: Role, reads: int) -> None:
    headers = parts.api.signed_in(role)
    client = parts.api.client
    assert client.get(f"/api/v8.1{SERVICE}", headers=headers).status_code == reads
    saved = client.post(f"/api/v8.1{SERVICE}/saveByApp", headers=headers, json={})
    assert saved.status_code == 403
    assert client.get(f"/api/v8.1{SERVICE}").status_code == 401


def test_a_credential_moved_to_another_row_does_not_open(parts: AzureParts) -> None:
    one, other = parts.save_account("one"), parts.save_account("other")
    with parts.database.writing() as db:
        moved = db.get_one(ServiceAccountRow, one).credential_sealed
        db.get_one(ServiceAccountRow, other).credential_sealed = moved
    answer = parts.call("POST", f"{SERVICE}/{other}/checkPermissions")
    assert answer.status_code >= 400
    assert as_text(answer.json()["title"])
