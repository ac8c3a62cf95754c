"""Changing service accounts: renewing, renaming, moving, and what forbids it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from httpx2 import Response

from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.base.json_types import as_list, as_object
from kyanite.db.database import Database
from kyanite.rules.account_edits import AccountUser
from kyanite.rules.permission_sets import ALL_PURPOSES
from support.azure_parts import AzureParts
from support.lab import Azure, Control
from support.lab_people import ADA, person

SERVICE = "/accounts/azure/service"
OWNER = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d01"
RESTRICTED = {
    "applicationId": "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02",
    "clientSecret": "restricted-secret-of-the-small-scene",
}


def certificate() -> tuple[str, str]:
    """A PFX file with the password `p`, and its certificate; both in base64."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kyanite")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=365))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    pfx = pkcs12.serialize_key_and_certificates(
        b"kyanite", key, made, None, BestAvailableEncryption(b"p")
    )
    der = made.public_bytes(Encoding.DER)
    return base64.b64encode(pfx).decode(), base64.b64encode(der).decode()


def put(parts: AzureParts, account_id: str, name: str, login: object, path: str = "") -> Response:
    """`updateByApp`, or below it."""
    body = {"accountInfo": {"name": name}, "clientLoginParameters": login}
    return parts.call("PUT", f"{SERVICE}/updateByApp/{account_id}{path}", body)


def without_credential(parts: AzureParts, **other: object) -> dict[str, object]:
    return parts.login_parameters(clientSecret=None, **other)


def test_without_login_parameters_only_name_and_description_change(parts: AzureParts) -> None:
    account_id = parts.save_account("before", azureAccountPurposes=["AzureFiles"])
    body = {"accountInfo": {"name": "after", "description": "new"}}
    answer = parts.call("PUT", f"{SERVICE}/updateByApp/{account_id}", body)
    assert (answer.status_code, answer.json()) == (200, account_id)
    account = parts.get(f"{SERVICE}/{account_id}")
    assert (account["name"], account["description"]) == ("after", "new")
    assert account["purposes"] == ["AzureFiles"]


def test_an_absent_secret_stays_and_purposes_and_scope_change(both: AzureParts) -> None:
    account_id = both.save_account("lab")
    first = both.azure.subscription_ids[0]
    login = without_credential(
        both, azureAccountPurposes=["Repository", "AzureFiles"], subscriptions=[first]
    )
    answer = put(both, account_id, "lab", login)
    assert answer.status_code == 200, answer.text
    account = both.get(f"{SERVICE}/{account_id}")
    assert account["purposes"] == ["Repository", "AzureFiles"]
    assert account["subscriptionIds"] == [first]
    assert both.access.arm_client(account_id).login.object_id()


def test_another_application_needs_a_credential_of_its_own(parts: AzureParts) -> None:
    account_id = parts.save_account("lab")
    other = {**without_credential(parts), "applicationId": RESTRICTED["applicationId"]}
    answer = put(parts, account_id, "lab", other)
    assert answer.status_code == 400
    assert "clientSecret" in answer.json()["errors"]
    moved = put(parts, account_id, "lab", parts.login_parameters(**RESTRICTED))
    assert moved.status_code == 200, moved.text
    account = parts.get(f"{SERVICE}/{account_id}")
    assert account["applicationId"] == RESTRICTED["applicationId"]
    assert account["cloudState"] == "NoSubscriptions"


def test_a_wrong_new_secret_changes_nothing(parts: AzureParts) -> None:
    account_id = parts.save_account("lab")
    answer = put(parts, account_id, "renamed", parts.login_parameters(clientSecret="wrong"))
    assert answer.status_code == 400
    account = parts.get(f"{SERVICE}/{account_id}")
    assert (account["name"], account["cloudState"]) == ("lab", "Valid")


def test_a_tenant_that_cannot_be_reached_has_a_code_of_its_own(parts: AzureParts) -> None:
    account_id = parts.save_account("lab")
    login = parts.login_parameters(tenantId="99999999-8888-7777-6666-555555555555")
    answer = put(parts, account_id, "lab", login)
    assert answer.status_code == 400
    assert "CannotAccessTenantOfEditedServiceAccount" in answer.json()["errors"]
    wrong = put(parts, account_id, "lab", parts.login_parameters(clientSecret="wrong"))
    assert "CannotAccessTenantOfEditedServiceAccount" not in wrong.json()["errors"]


@pytest.mark.control
def test_a_secret_is_swapped_for_a_certificate_and_back(
    parts: AzureParts, control: Control, azure: Azure
) -> None:
    account_id = parts.save_account("lab")
    pfx, der = certificate()
    ada = person(azure, *ADA).get_token(f"{azure.graph}/.default").token
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": der}
    given = azure.call(
        "PATCH", f"{azure.graph}/v1.0/applications(appId='{OWNER}')", {"keyCredentials": [key]},
        token=ada,
    )  # fmt: skip
    assert given.status_code == 204
    login = without_credential(
        parts, applicationCertificate=pfx, applicationCertificateName="lab.pfx",
        certificatePassword="p",
    )  # fmt: skip
    answer = put(parts, account_id, "lab", login)
    assert answer.status_code == 200, answer.text
    account = parts.get(f"{SERVICE}/{account_id}")
    assert account["accountOrigin"] == "Imported Certificate"
    assert account["applicationCertificateName"] == "lab.pfx"
    assert account["expirationDate"]
    assert put(parts, account_id, "lab", without_credential(parts)).status_code == 200
    kept = parts.get(f"{SERVICE}/{account_id}")
    assert kept["expirationDate"] == account["expirationDate"]
    assert put(parts, account_id, "lab", parts.login_parameters()).status_code == 200
    back = parts.get(f"{SERVICE}/{account_id}")
    assert (back["accountOrigin"], back["expirationDate"]) == ("Imported Secret", None)


@pytest.mark.control
def test_a_certificate_that_the_application_does_not_know_is_refused(
    parts: AzureParts, control: Control
) -> None:
    pfx, _ = certificate()
    login = without_credential(
        parts, applicationCertificate=pfx, applicationCertificateName="lab.pfx",
        certificatePassword="p",
    )  # fmt: skip
    body = {"accountInfo": {"name": "lab"}, "clientLoginParameters": login}
    answer = parts.call("POST", f"{SERVICE}/saveByApp", body)
    assert answer.status_code == 400
    (words,) = answer.json()["errors"]["applicationCertificate"]
    assert "not one of this application" in words


def test_names_stay_unique(both: AzureParts) -> None:
    both.save_account("one")
    other = both.save_account("other")
    assert put(both, other, "ONE", None).status_code == 400
    assert put(both, other, "Other", None).status_code == 200
    unknown = "00000000-0000-0000-0000-00000000000a"
    assert put(both, unknown, "x", None).status_code == 404
    assert put(both, unknown, "x", None, "/validate").status_code == 404


@pytest.fixture
def used(sqlite_database: Database, azure: Azure) -> Iterator[AzureParts]:
    """A repository in the first subscription and a policy in both work with every account."""
    first, second = azure.subscription_ids[:2]
    users = [
        AccountUser("vault of the shop", "Repository", True, frozenset({first})),
        AccountUser("nightly", "VirtualMachineBackup", False, frozenset({first, second})),
    ]
    parts = AzureParts(sqlite_database, azure, describe_users=[lambda *_: users])
    yield parts
    parts.close()


def issues(answer: Response) -> set[tuple[object, object, object]]:
    """Type, subscription, and who depends."""
    assert answer.status_code == 200, answer.text
    found = [as_object(one) for one in as_list(answer.json()["issues"])]
    return {
        (one["type"], one.get("subscription"), one.get("policy") or "".join(one["resources"]))  # type: ignore[arg-type]
        for one in found
    }


def test_a_change_that_takes_nothing_away_is_valid(used: AzureParts) -> None:
    account_id = used.save_account("lab")
    answer = put(used, account_id, "lab", without_credential(used), "/validate")
    assert answer.json() == {"result": "Success", "issues": []}
    renamed = put(used, account_id, "renamed", None, "/validate")
    assert renamed.json()["result"] == "Success"


def test_a_purpose_in_use_cannot_be_taken_away(used: AzureParts) -> None:
    account_id = used.save_account("lab")
    login = without_credential(used, azureAccountPurposes=["AzureFiles"])
    answer = put(used, account_id, "lab", login, "/validate")
    assert answer.json()["result"] == "Error"
    assert issues(answer) == {
        ("PurposeRepositoryDependent", None, "vault of the shop"),
        ("PurposeVmPolicyDependent", None, "nightly"),
    }
    refused = put(used, account_id, "lab", login)
    assert refused.status_code == 409
    assert "vault of the shop" in refused.json()["detail"]
    assert used.get(f"{SERVICE}/{account_id}")["purposes"] == list(ALL_PURPOSES)


def test_the_subscription_of_a_repository_stays_and_that_of_a_policy_is_a_warning(
    used: AzureParts,
) -> None:
    first, second = used.azure.subscription_ids[:2]
    account_id = used.save_account("lab", subscriptions=[first, second])
    fewer = without_credential(used, subscriptions=[first])
    kept = put(used, account_id, "lab", fewer, "/validate")
    assert kept.json()["result"] == "Warning"
    assert issues(kept) == {("SubscriptionDependentOnPolicy", second, "nightly")}
    lost = without_credential(used, subscriptions=[second])
    answer = put(used, account_id, "lab", lost, "/validate")
    assert answer.json()["result"] == "Error"
    assert issues(answer) == {
        ("SubscriptionDependentOnRepository", first, "vault of the shop"),
        ("SubscriptionDependentOnPolicy", first, "nightly"),
    }
    assert put(used, account_id, "lab", lost).status_code == 409
    warned = without_credential(used, subscriptions=[first])
    assert put(used, account_id, "lab", warned).status_code == 200


def test_an_account_in_use_does_not_move_to_another_tenant(used: AzureParts) -> None:
    account_id = used.save_account("lab")
    login = used.login_parameters(tenantId="99999999-8888-7777-6666-555555555555")
    answer = put(used, account_id, "lab", login, "/validate")
    assert {one[0] for one in issues(answer)} == {
        "AccountDependentRepository",
        "AccountDependentPolicy",
    }


def test_who_launches_workers_keeps_purpose_and_subscription(parts: AzureParts) -> None:
    first, second = parts.azure.subscription_ids[:2]
    account_id = parts.save_account("lab")
    place = {"SubscriptionId": first, "ResourceGroupName": "backup"}
    path = f"{SERVICE}/{account_id}/selectForWorkermanagement"
    assert parts.call("PUT", path, place).status_code == 204
    login = without_credential(parts, azureAccountPurposes=["AzureFiles"], subscriptions=[second])
    answer = put(parts, account_id, "lab", login, "/validate")
    assert {one[:2] for one in issues(answer)} == {
        ("SelectedForWorkerManagement", None),
        ("PrimarySubscriptionMissing", first),
    }
    assert put(parts, account_id, "lab", login).status_code == 409


def test_exactly_one_account_launches_workers(both: AzureParts) -> None:
    first, second = both.azure.subscription_ids[:2]
    one, other = both.save_account("one"), both.save_account("other")
    files = both.save_account("files", azureAccountPurposes=["AzureFiles"])

    def select(account_id: str, **place: object) -> int:
        path = f"{SERVICE}/{account_id}/selectForWorkermanagement"
        return both.call("PUT", path, place).status_code

    assert select(one, SubscriptionId=first, ResourceGroupName="backup") == 204
    assert select(other, SubscriptionId=second) == 204
    chosen = {
        as_object(item)["name"]: as_object(item)["selectedForWorkermanagement"]
        for item in as_list(both.get(SERVICE)["results"])
    }
    assert chosen == {"one": False, "other": True, "files": False}
    assert both.get(f"{SERVICE}/{other}")["subscriptionIdForWorkerDeployment"] == second
    assert select(files, SubscriptionId=first) == 400
    assert select(one, SubscriptionId="99999999-8888-7777-6666-555555555555") == 400
    assert select(one, SubscriptionId=first, ResourceGroupName="nowhere") == 400
    assert select("00000000-0000-0000-0000-00000000000a") == 404
    assert both.call("DELETE", f"{SERVICE}/{other}").status_code == 409
    suitable = both.get(f"{SERVICE}/listWorkerManagementSuitableServices")
    names = [as_object(item)["azureAccountName"] for item in as_list(suitable["results"])]
    assert names == ["one", "other"]
    (found, *_) = map(as_object, as_list(suitable["results"]))
    subscriptions = {
        as_object(s)["subscriptionId"]: as_object(s)["subscriptionName"]
        for s in as_list(found["subscriptions"])
    }
    assert subscriptions == {first: "Production", second: "Development"}


def test_a_new_credential_is_used_at_once_and_sealed(parts: AzureParts) -> None:
    account_id = parts.save_account("lab")
    before = parts.access.arm_client(account_id)
    other = parts.login_parameters(**RESTRICTED)
    assert put(parts, account_id, "lab", other).status_code == 200
    after = parts.access.arm_client(account_id)
    assert after.login.object_id() != before.login.object_id()
    with parts.database.reading() as db:
        sealed = db.get_one(ServiceAccountRow, account_id).credential_sealed
    assert RESTRICTED["clientSecret"].encode() not in sealed


def test_the_list_is_exported_without_secrets(both: AzureParts) -> None:
    one = both.save_account("one")
    both.save_account("other")
    answer = both.call("POST", f"{SERVICE}/export", {"accountIds": [one]})
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    assert len(lines) == 2
    assert lines[0].lstrip("\ufeff").startswith("accountId,name,")
    assert both.azure.client_secret not in answer.text
    assert len(both.call("POST", f"{SERVICE}/export").text.splitlines()) == 3
