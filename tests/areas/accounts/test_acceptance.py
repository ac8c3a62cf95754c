"""The acceptance checks of docs/behaviour/accounts-and-users.md, section 8, on accounts.

Those on users and second factors are with the area of access.
"""

from __future__ import annotations

import pytest

from kyanite.db.uses import Thing, replace_uses
from kyanite.rules.permission_sets import ALL_PURPOSES, permission_set
from support.azure_parts import AzureParts
from support.repository_parts import REPOSITORIES, RepositoryParts


@pytest.mark.acceptance("accounts-and-users", 1)
def test_secret_and_certificate_together_are_refused(both: AzureParts) -> None:
    answer = both.call(
        "POST",
        "/accounts/azure/service/saveByApp",
        {
            "accountInfo": {"name": "both"},
            "clientLoginParameters": both.login_parameters(
                applicationCertificate="AAAA", applicationCertificateName="a.pfx"
            ),
        },
    )
    assert answer.status_code == 400


@pytest.mark.acceptance("accounts-and-users", 2)
def test_an_account_without_the_purpose_makes_no_repository(
    repository_parts: RepositoryParts,
) -> None:
    machines = repository_parts.save_account(
        "machines", azureAccountPurposes=["VirtualMachineBackup", "VirtualMachineRestore"]
    )
    answer = repository_parts.call(
        "POST", REPOSITORIES, repository_parts.wanted(azureAccountId=machines)
    )
    assert answer.status_code == 400, answer.text


@pytest.mark.acceptance("accounts-and-users", 3)
def test_an_account_of_a_disabled_policy_is_not_deleted(both: AzureParts) -> None:
    account_id = both.save_account()
    with both.database.writing() as db:
        replace_uses(db, Thing("vm-policy", "disabled"), [Thing("account", account_id)])
    assert both.call("DELETE", f"/accounts/azure/service/{account_id}").status_code == 409
    assert both.get(f"/accounts/azure/service/{account_id}")["accountId"] == account_id


@pytest.mark.acceptance("accounts-and-users", 4)
def test_all_sets_together_are_173_actions_and_10_data_actions() -> None:
    sets = [permission_set(purpose) for purpose in ALL_PURPOSES]
    assert len({action.lower() for one in sets for action in one.actions}) == 173
    assert len({action.lower() for one in sets for action in one.data_actions}) == 10


@pytest.mark.acceptance("accounts-and-users", 10)
def test_answers_on_plain_accounts_hold_no_password(both: AzureParts) -> None:
    secret = "S3cret-of-the-mail-server"
    body = {"kind": "Smtp", "name": "mail", "username": "kyanite", "password": secret}
    added = both.call("POST", "/accounts/standard", body)
    assert added.status_code == 201, added.text
    path = f"/accounts/standard/{added.json()['id']}"
    changed = both.call("PUT", path, {"name": "mail", "password": secret + "2"})
    answers = [
        added,
        changed,
        both.call("GET", path),
        both.call("GET", "/accounts/standard"),
        both.call("GET", "/accounts/standard/names"),
        both.call("POST", "/accounts/standard/export", {}),
        both.call("PUT", path, {"name": "?", "password": secret}),
    ]
    assert [one.status_code for one in answers] == [201, 200, 200, 200, 200, 200, 400]
    for answer in answers:
        assert secret not in answer.text
