"""The acceptance checks of docs/behaviour/repositories.md, section 16, by their numbers.

Check 10 needs a machine: tests/journeys/test_immutable_repository.py.
"""

from __future__ import annotations

import pytest

from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.taking_over import RepositoryTakeOver
from kyanite.base.errors import Conflict
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import as_list, as_object, as_text
from kyanite.db.uses import Thing, forget_user, replace_uses
from support.jobs import wait_until_final
from support.repository_parts import REPOSITORIES, RepositoryParts, back_up_a_little, folder_of


@pytest.fixture
def parts(parts_on_both: RepositoryParts) -> RepositoryParts:
    return parts_on_both


def refused(parts: RepositoryParts, member: str, **members: object) -> None:
    answer = parts.call("POST", REPOSITORIES, parts.wanted(**members))
    assert answer.status_code == 400, answer.text
    assert member in answer.json()["errors"]


@pytest.mark.acceptance("repositories", 1)
def test_check_1_the_tier_cold_is_refused(parts: RepositoryParts) -> None:
    refused(parts, "storageTier", storageTier="Cold")


@pytest.mark.acceptance("repositories", 2)
def test_check_2_the_archive_tier_on_a_zone_redundant_account_is_refused(
    parts: RepositoryParts,
) -> None:
    zrs = parts.storage_id("shopbackups")
    members = {"azureStorageAccountId": zrs, "azureStorageContainer": "backups"}
    refused(parts, "storageTier", storageTier="Archive", **members)


@pytest.mark.acceptance("repositories", 3)
def test_check_3_encryption_without_password_and_key_is_refused(parts: RepositoryParts) -> None:
    refused(parts, "password", password=None)


@pytest.mark.acceptance("repositories", 4)
def test_check_4_password_and_key_together_are_refused(parts: RepositoryParts) -> None:
    refused(parts, "password", keyVaultId="v", keyVaultKeyUri="https://v/keys/k")


@pytest.mark.acceptance("repositories", 5)
def test_check_5_all_tiers_are_three_sessions_and_three_repositories(
    parts: RepositoryParts,
) -> None:
    answer = parts.call("POST", REPOSITORIES, parts.wanted(autoCreateTiers=True))
    assert answer.status_code == 202, answer.text
    tiers = []
    for session in answer.json():
        assert wait_until_final(parts.database, session["id"]) == "Success"
        repository = parts.get(f"{REPOSITORIES}/{session['repositoryJobInfo']['repositoryId']}")
        assert repository["status"] == "Ready"
        tiers.append(repository["storageTier"])
    assert tiers == ["Hot", "Cool", "Archive"]


@pytest.mark.acceptance("repositories", 6)
@pytest.mark.acceptance("repositories", 7)
def test_checks_6_and_7_a_used_repository_stays_and_a_removed_one_is_imported_again(
    parts: RepositoryParts,
) -> None:
    repository = parts.create()
    path = f"{REPOSITORIES}/{repository['id']}"
    session_id, policy_id = new_id(), new_id()
    back_up_a_little(parts.repositories.open_for_writing(as_text(repository["id"])), session_id)
    policy = Thing("vm-policy", policy_id)
    with parts.database.writing() as db:
        replace_uses(db, policy, [Thing("repository", as_text(repository["id"]))])
    assert parts.call("DELETE", path).status_code == 409
    page = parts.get(f"{REPOSITORIES}/validateDelete", RepositoryId=repository["id"])
    (entry,) = map(as_object, as_list(page["results"]))
    assert [as_object(use)["id"] for use in as_list(entry["usedInPolicies"])] == [policy_id]
    with parts.database.writing() as db:
        forget_user(db, policy)

    storage = parts.storage_of(repository)
    before = {found.name for found in storage.list("") if not found.name.startswith("mark/")}
    parts.succeeded(parts.call("DELETE", path))
    after = {found.name for found in storage.list("") if not found.name.startswith("mark/")}
    assert after == before
    parts.create(azureStorageFolder=folder_of(repository), importIfFolderHasBackup=True)
    assert session_id in [point.session_id for point in parts.follower.imported]


@pytest.mark.acceptance("repositories", 8)
def test_check_8_encryption_cannot_be_switched_off(parts: RepositoryParts) -> None:
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    answer = parts.call("PUT", path, {"enableEncryption": False})
    assert answer.status_code == 400
    assert "enableEncryption" in answer.json()["errors"]


@pytest.mark.acceptance("repositories", 9)
def test_check_9_the_folder_of_another_appliance_is_only_read_until_it_is_overridden(
    parts: RepositoryParts,
) -> None:
    repository = parts.create()
    storage = parts.storage_of(repository)
    parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    mark = read_mark(storage)
    assert mark is not None
    write_mark(storage, Mark(Owner("other-id", "other"), mark.tier, mark.is_encrypted, mark.hint))
    again = {"azureStorageFolder": folder_of(repository), "importIfFolderHasBackup": True}
    answer = parts.call("POST", REPOSITORIES, parts.wanted(**again))
    session = parts.succeeded(answer, "Warning")
    repository_id = as_text(as_object(session["repositoryJobInfo"])["repositoryId"])
    path = f"{REPOSITORIES}/{repository_id}"
    assert as_object(parts.get(path)["repositoryOwnership"])["hasAnotherOwner"] is True
    with pytest.raises(Conflict, match="other"):  # what retention, too, begins with
        parts.repositories.open_for_writing(repository_id)
    with parts.database.writing() as db:
        (started,) = RepositoryTakeOver().start(db, [repository_id], "somebody")
    assert wait_until_final(parts.database, started) == "Success"
    assert as_object(parts.get(path)["repositoryOwnership"])["hasAnotherOwner"] is False
    parts.repositories.open_for_writing(repository_id)


@pytest.mark.acceptance("repositories", 11)
def test_check_11_guessing_passwords_is_slowed_down(parts: RepositoryParts) -> None:
    path = f"{REPOSITORIES}/{parts.create()['id']}/checkPassword"
    answers = [parts.call("POST", path, f"guess {n}").status_code for n in range(10)]
    assert answers[0] == 200
    assert answers[-1] == 429
