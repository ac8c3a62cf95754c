"""The configuration check: every finding, provoked."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import update

from kyanite.areas.access.tables import UserRow
from kyanite.areas.accounts.credentials import Credential
from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.areas.appliance.errands import Errands
from kyanite.areas.configuration.check import ConfigurationCheck
from kyanite.areas.configuration.findings import Outcome, Verdict, worst
from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.base.json_types import as_list, as_object, as_text
from kyanite.durable.lease import Process
from kyanite.engine.format import REPOSITORY_NAME
from support.azure_parts import SECRETS
from support.checked_parts import CheckedParts
from support.vault_parts import make_vault
from support.waiting import eventually

CHECK = "/configuration/check"
SESSION = "/configuration/checkSession"
REPOSITORIES = ("Repositories", "repositories", "repositories")
ENCRYPTION = ("RepositoriesEncryption", "repositoryEncryption", "repositories")
OWNERSHIP = ("RepositoriesOwnership", "repositoryOwnership", "repositories")
ACCOUNTS = ("AzureAccounts", "missingRoles", "accounts")


def change_row(house: CheckedParts, **values: object) -> None:
    with house.database.writing() as db:
        db.execute(update(RepositoryRow).values(**values))


def change_secret(house: CheckedParts, secret: str) -> None:
    with house.database.writing() as db:
        row = db.get(ServiceAccountRow, house.account_id)
        assert row is not None
        credential = Credential.unseal(SECRETS, row.id, row.credential_sealed)
        changed = replace(credential, secret=secret)
        row.credential_sealed = changed.seal(SECRETS, row.id)


@pytest.mark.acceptance("appliance", 3)
def test_before_any_check_there_is_no_check_session(house: CheckedParts) -> None:
    assert house.call("GET", SESSION).status_code == 404


def test_a_check_of_everything_finds_a_sound_appliance_in_order(house: CheckedParts) -> None:
    house.create()
    log = house.checked()
    lines = {line["type"]: line for line in map(as_object, as_list(log["logLine"]))}
    assert set(lines) == {
        "AzureAccounts",
        "WorkerConfiguration",
        "Repositories",
        "RepositoriesEncryption",
        "RepositoriesOwnership",
        "PortalUsers",
        "SsoUsers",
    }
    assert {line["status"] for line in lines.values()} == {"Success"}, lines
    assert log["overallStatus"] == "Success"
    blocks = as_object(log["checkResponse"])
    (account,) = as_list(as_object(blocks["missingRoles"])["accounts"])
    assert (as_object(account)["status"], as_object(account)["severity"]) == ("Valid", "Success")
    assert blocks["ssoConfiguration"] == "NotConfiguredAtAll"
    assert as_object(blocks["workerConfiguration"])["workerConfigurations"] == []
    for block in ("repositories", "repositoryEncryption", "repositoryOwnership"):
        (item,) = as_list(as_object(blocks[block])["repositories"])
        assert (as_object(item)["status"], as_object(item)["message"]) == ("Valid", None)


def test_only_the_types_asked_for_are_looked_at(house: CheckedParts) -> None:
    log = house.checked("PortalUsers")
    assert [as_object(line)["type"] for line in as_list(log["logLine"])] == ["PortalUsers"]
    blocks = as_object(log["checkResponse"])
    assert [name for name, block in blocks.items() if block is not None] == ["mfaUsers"]
    assert house.call("POST", CHECK, {"checkType": ["Unknown"]}).status_code == 400
    assert house.call("POST", CHECK, {"checkType": ["Weather"]}).status_code == 400


def test_an_empty_body_checks_everything(house: CheckedParts) -> None:
    assert house.call("POST", CHECK).status_code == 202


def test_a_second_check_is_refused_while_one_runs(house: CheckedParts) -> None:
    go_on = threading.Event()

    def slow() -> Outcome:
        go_on.wait(30)
        return Outcome(Verdict.SUCCESS, "at last")

    errands = Errands(house.database, house.api.clock)
    check = ConfigurationCheck(house.database, house.api.clock, errands, {"SsoUsers": slow})
    house.api.provisions.add(check)
    assert house.call("POST", CHECK, {"checkType": ["SsoUsers"]}).status_code == 202
    assert house.get(SESSION)["overallStatus"] == "Running"
    assert house.call("POST", CHECK, {}).status_code == 400
    go_on.set()
    eventually(lambda: house.get(SESSION)["overallStatus"] == "Success")


def test_a_check_whose_process_died_goes_on_with_what_is_not_done(house: CheckedParts) -> None:
    stop, looked = threading.Event(), []

    def first() -> Outcome:
        looked.append("users")
        return Outcome(Verdict.SUCCESS, "looked at once")

    def hangs() -> Outcome:
        stop.wait(30)
        return Outcome(Verdict.FAILED, "too late")

    dead = Errands(house.database, house.api.clock, Process("another host", 1, 1))
    check = ConfigurationCheck(
        house.database, house.api.clock, dead, {"PortalUsers": first, "SsoUsers": hangs}
    )
    thread = check.start(["PortalUsers", "SsoUsers"])
    eventually(lambda: lines(house)["PortalUsers"] == "Success")
    found = {"PortalUsers": first, "SsoUsers": lambda: Outcome(Verdict.WARNING, "done")}
    ConfigurationCheck(house.database, house.api.clock, house.errands, found)
    house.errands.go_on()
    eventually(lambda: house.get(SESSION)["overallStatus"] != "Running")
    stop.set()
    thread.join(30)
    assert lines(house) == {"PortalUsers": "Success", "SsoUsers": "Warning"}
    assert looked == ["users"]


def lines(house: CheckedParts) -> dict[str, object]:
    """The status of each line of the check."""
    found = map(as_object, as_list(house.get(SESSION)["logLine"]))
    return {as_text(line["type"]): line["status"] for line in found}


def test_the_whole_is_as_bad_as_its_worst_line() -> None:
    assert worst([]) is Verdict.SUCCESS
    assert worst([Verdict.SUCCESS, Verdict.VERIFICATION_NEEDED]) is Verdict.VERIFICATION_NEEDED
    assert worst([Verdict.WARNING, Verdict.VERIFICATION_NEEDED]) is Verdict.WARNING
    assert worst([Verdict.FAILED, Verdict.WARNING]) is Verdict.FAILED
    assert worst([Verdict.FAILED, Verdict.RUNNING]) is Verdict.RUNNING


def test_the_report_is_a_page_for_who_asks_for_html(house: CheckedParts) -> None:
    change_secret(house, "<script>")
    house.checked("AzureAccounts")
    answer = house.api.client.get(
        f"/api/v8.1{SESSION}", headers={**house.api.signed_in(), "Accept": "text/html"}
    )
    assert answer.headers["content-type"].startswith("text/html")
    assert "InvalidClientSecret" in answer.text
    assert "<script" not in answer.text


def test_users_with_a_second_factor_have_to_sign_in_once(house: CheckedParts) -> None:
    with house.database.writing() as db:
        secret = SECRETS.seal_text(pyotp.random_base32(), row_id="x")
        db.execute(update(UserRow).values(mfa_secret=secret))
    log = house.checked("PortalUsers")
    assert log["overallStatus"] == "VerificationNeeded"
    users = as_object(as_object(log["checkResponse"])["mfaUsers"])["users"]
    assert users == [{"name": "backupadmin", "role": "PortalAdmin", "type": "Internal"}]


def test_an_account_with_a_wrong_secret(house: CheckedParts) -> None:
    change_secret(house, "wrong")
    found = house.found(*ACCOUNTS)
    assert (found["status"], found["severity"]) == ("InvalidClientSecret", "Error")
    assert as_object(found["account"])["accountId"] == house.account_id


def test_an_account_whose_application_is_gone(house: CheckedParts) -> None:
    with house.database.writing() as db:
        other = "00000000-1111-4222-8333-444444444444"
        db.execute(update(ServiceAccountRow).values(application_id=other))
    assert house.found(*ACCOUNTS)["status"] == "DoesNotExist"


def test_an_account_whose_subscriptions_are_gone_lacks_them(house: CheckedParts) -> None:
    with house.database.writing() as db:
        gone = ["00000000-1111-4222-8333-444444444444"]
        db.execute(update(ServiceAccountRow).values(chosen_subscription_ids=gone))
    found = house.found(*ACCOUNTS)
    assert (found["status"], found["severity"]) == ("SubscriptionPermissionsMissing", "Warning")
    (row,) = as_list(found["subscriptions"])
    assert as_object(as_object(row)["subscription"])["availability"] == "NotAvailable"


def test_an_account_whose_secret_cannot_be_opened(house: CheckedParts) -> None:
    with house.database.writing() as db:
        db.execute(update(ServiceAccountRow).values(credential_sealed=b"spoilt"))
    assert house.found(*ACCOUNTS)["status"] == "ValidationFailure"


def test_a_repository_whose_folder_was_emptied(house: CheckedParts) -> None:
    storage = house.storage_of(house.create())
    for name in [found.name for found in storage.list("")]:
        storage.delete(name)
    assert house.found(*REPOSITORIES)["status"] == "DoesNotExist"


def test_a_repository_whose_folder_holds_other_data_now(house: CheckedParts) -> None:
    storage = house.storage_of(house.create())
    storage.delete(REPOSITORY_NAME)
    storage.put("a-holiday.jpg", b"sand")
    found = house.found(*REPOSITORIES)
    assert (found["status"], found["severity"]) == ("IncorrectFormat", "Error")


def test_a_repository_whose_mark_is_of_a_newer_version(house: CheckedParts) -> None:
    storage = house.storage_of(house.create())
    storage.put("mark/00000099", b'{"version": 99}')
    assert house.found(*REPOSITORIES)["status"] == "IncorrectFormat"


def test_a_repository_that_is_not_ready(house: CheckedParts) -> None:
    house.create()
    change_row(house, status="Failed")
    assert house.found(*REPOSITORIES)["status"] == "NotReady"


def test_a_repository_whose_container_or_account_is_gone(house: CheckedParts) -> None:
    repository = house.create()
    change_row(house, container="no-such-container")
    assert house.found(*REPOSITORIES)["status"] == "ContainerDoesNotExist"
    with house.database.reading() as db:
        azure_id = house.repositories.facts(db, as_text(repository["id"])).storage_account_azure_id
    change_row(house, storage_account_azure_id=azure_id[:-3] + "xyz")
    assert house.found(*REPOSITORIES)["status"] == "StorageAccountDoesNotExist"


def test_a_repository_that_azure_says_nothing_of(house: CheckedParts) -> None:
    house.create()
    with house.database.writing() as db:
        db.execute(update(ServiceAccountRow).values(credential_sealed=b"spoilt"))
    assert house.found(*REPOSITORIES)["status"] == "Unknown"
    assert house.found(*OWNERSHIP)["status"] == "Unknown"
    assert house.found(*ENCRYPTION)["status"] == "ValidationFailure"


def test_a_repository_that_our_key_does_not_open(house: CheckedParts) -> None:
    repository = house.create()
    repository_id = as_text(repository["id"])
    change_row(house, master_key_sealed=SECRETS.seal(bytes(32), row_id=repository_id))
    found = house.found(*ENCRYPTION)
    assert (found["status"], found["encryptionMethod"]) == ("IncorrectPassword", "Password")
    change_row(house, master_key_sealed=None)
    assert house.found(*ENCRYPTION)["status"] == "MissingPassword"
    change_row(house, master_key_sealed=b"spoilt")
    assert house.found(*ENCRYPTION)["status"] == "InvalidEncryptionSettings"


def test_a_repository_with_a_key_of_a_vault_and_what_can_happen_to_the_key(
    house: CheckedParts,
) -> None:
    vault = make_vault(house)
    house.create(password=None, **vault.key())

    def status() -> tuple[object, object]:
        found = house.found(*ENCRYPTION)
        assert found["encryptionMethod"] == "KeyVault"
        return found["status"], found["severity"]

    assert status() == ("Valid", "Success")
    vault.keys.update_key_properties("backups", enabled=False)
    assert status() == ("InvalidEncryptionSettings", "Error")
    vault.keys.update_key_properties("backups", enabled=True)
    vault.keys.begin_delete_key("backups").wait()
    assert status() == ("KeyVaultKeyMissing", "Warning")
    change_row(house, key_gone_since=house.api.clock.now() - timedelta(days=8))
    assert status() == ("KeyVaultKeyMissing", "Error")
    vault.keys.purge_deleted_key("backups")
    vault.keys.create_rsa_key("backups")  # of the same name, and another one
    assert status() == ("KeyVaultKeyThumbprintMismatch", "Error")
    house.arm("DELETE", f"{vault.azure_id}?api-version=2023-07-01")
    assert status() == ("KeyVaultMissing", "Error")


def test_a_repository_whose_folder_gives_its_password_away(house: CheckedParts) -> None:
    storage = house.storage_of(house.create())
    mark = read_mark(storage)
    assert mark is not None
    write_mark(storage, replace(mark, is_encrypted=False, open_password="correct horse"))
    assert house.found(*ENCRYPTION)["status"] == "EncryptionWasDisabled"


def test_a_repository_that_another_appliance_took_over_and_its_way_back(
    house: CheckedParts,
) -> None:
    repository = house.create()
    storage = house.storage_of(repository)
    write_mark(storage, Mark(Owner("other-id", "other-name"), "Inferred", True, "safe 3"))
    found = house.found(*OWNERSHIP)
    assert (found["status"], found["severity"]) == ("HasAnotherOwner", "Warning")
    assert (found["hasAnotherOwner"], found["previousOwner"]) == (True, "other-name")
    answer = house.call(
        "POST", "/configuration/overrideOwnership", {"repositoryIds": [repository["id"]]}
    )
    session = house.succeeded(answer)
    assert session["type"] == "RepositoryEdit"
    assert house.found(*OWNERSHIP)["status"] == "Valid"
    house.repositories.open_for_writing(as_text(repository["id"]))
    mark = read_mark(storage)
    assert mark is not None
    assert mark.owner is not None
    assert (mark.owner.name, mark.hint) == ("appliance-1", "safe 3")


@pytest.mark.parametrize("ids", [[], None, ["00000000-1111-4222-8333-444444444444"], ["x"]])
def test_only_repositories_that_are_known_can_be_taken_over(
    house: CheckedParts, ids: list[str] | None
) -> None:
    answer = house.call("POST", "/configuration/overrideOwnership", {"repositoryIds": ids})
    assert answer.status_code == 400
