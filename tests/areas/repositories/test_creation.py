"""Repositories are created: what is stored, what is refused, what an accident leaves."""

from __future__ import annotations

import pytest

from kyanite.areas.repositories.mark import read_mark
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import as_object, as_text
from kyanite.engine.repository import Repository as EngineRepository
from support.jobs import read_log
from support.lab import Control
from support.repository_parts import REPOSITORIES, RepositoryParts, folder_of


def test_a_repository_is_created_and_opens_with_its_password(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    wanted = parts.wanted(concurrencyLimit=20, storageTier="Cool", description="first")
    answer = parts.call("POST", REPOSITORIES, wanted)
    assert answer.status_code == 202, answer.text
    (session,) = answer.json()
    assert session["type"] == "RepositoryCreation"
    info = session["repositoryJobInfo"]
    assert info["repositoryName"] == wanted["name"]
    listed = parts.get(f"{REPOSITORIES}/{info['repositoryId']}")
    assert listed["status"] in ("Creating", "Ready")
    parts.succeeded(answer)
    found = parts.get(f"{REPOSITORIES}/{info['repositoryId']}")
    assert found["status"] == "Ready"
    assert (found["storageTier"], found["isStorageTierInferred"]) == ("Cool", False)
    assert (found["enableEncryption"], found["hint"]) == (True, "safe 3")
    assert found["concurrencyLimit"] == 20
    assert found["regionName"] == "West Europe"
    assert found["repositoryType"] == "Backup"
    assert as_object(found["repositoryOwnership"])["hasAnotherOwner"] is False
    engine = EngineRepository.open(parts.storage_of(found), "correct horse")
    assert engine.points() == []
    own = parts.repositories.open(as_text(found["id"]))
    assert own.repository_id == engine.repository_id


def test_the_password_is_in_no_answer_no_log_and_no_row(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create(password="battery staple")
    assert "battery staple" not in parts.call("GET", REPOSITORIES).text
    with parts.database.reading() as db:
        for table in ("repositories", "sessions", "jobs", "session_log"):
            rows = db.connection().exec_driver_sql(f"SELECT * FROM {table}").fetchall()
            assert "battery staple" not in repr(rows)
    mark = read_mark(parts.storage_of(repository))
    assert mark is not None
    assert mark.is_encrypted
    assert mark.open_password == ""


def test_a_repository_without_encryption_opens_with_the_published_password(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create(enableEncryption=False, password="ignored", hint="ignored")
    assert (repository["enableEncryption"], repository["hint"]) == (False, None)
    storage = parts.storage_of(repository)
    mark = read_mark(storage)
    assert mark is not None
    assert mark.open_password not in ("", "ignored")
    EngineRepository.open(storage, mark.open_password)
    answer = parts.call("POST", f"{REPOSITORIES}/{repository['id']}/checkPassword", "x")
    assert answer.status_code == 202  # only an operation can say "not applicable"


NONSENSE: list[tuple[dict[str, object], int, str]] = [
    ({"storageTier": "Cold"}, 400, "storageTier"),
    ({"storageTier": "Unknown"}, 400, "storageTier"),
    ({"password": None}, 400, "password"),
    ({"keyVaultId": "v", "keyVaultKeyUri": "https://v/k"}, 400, "password"),
    ({"password": None, "keyVaultKeyUri": "https://v/keys/k"}, 400, "keyVaultId"),
    ({"password": None, "keyVaultId": "v"}, 400, "keyVaultKeyUri"),
    ({"password": None, "keyVaultId": "v", "keyVaultKeyUri": "https://v/keys/k"}, 404, ""),
    ({"azureStorageFolder": "a/b"}, 400, "azureStorageFolder"),
    ({"azureStorageFolder": ""}, 400, "azureStorageFolder"),
    ({"name": "a/b"}, 400, "name"),
    ({"concurrencyLimit": 0}, 400, "concurrencyLimit"),
    (
        {"storageConsumptionLimit": {"limitValue": 1, "limitType": "GB"}},
        400,
        "storageConsumptionLimit",
    ),
    ({"azureAccountId": "00000000-0000-0000-0000-000000000001"}, 404, ""),
    ({"azureStorageAccountId": "nonsense"}, 404, ""),
    ({"azureStorageContainer": "nothing"}, 404, ""),
]


@pytest.mark.acceptance("repositories", 1, 3, 4)
def test_what_makes_no_sense_is_refused_and_nothing_is_created(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    for wrong, status, member in NONSENSE:
        answer = parts.call("POST", REPOSITORIES, parts.wanted(**wrong))
        assert answer.status_code == status, (wrong, answer.text)
        if member:
            assert member in answer.json()["errors"], wrong
    assert parts.get(REPOSITORIES)["totalCount"] == 0


@pytest.mark.acceptance("repositories", 2)
def test_the_archive_tier_needs_storage_that_is_not_zone_redundant(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    zrs = parts.wanted(
        storageTier="Archive",
        azureStorageAccountId=parts.storage_id("shopbackups"),
        azureStorageContainer="backups",
    )
    answer = parts.call("POST", REPOSITORIES, zrs)
    assert answer.status_code == 400
    assert "storageTier" in answer.json()["errors"]


def test_an_account_without_the_purpose_cannot_keep_a_repository(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    other = parts.save_account("machines", azureAccountPurposes=["VirtualMachineBackup"])
    answer = parts.call("POST", REPOSITORIES, parts.wanted(azureAccountId=other))
    assert answer.status_code == 400
    assert "azureAccountId" in answer.json()["errors"]


def test_names_and_folders_are_taken_once(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    first = parts.create()
    same_name = parts.wanted(name=as_text(first["name"]).upper())
    assert parts.call("POST", REPOSITORIES, same_name).status_code == 409
    same_folder = parts.wanted(azureStorageFolder=folder_of(first))
    answer = parts.call("POST", REPOSITORIES, same_folder)
    assert answer.status_code == 409
    assert answer.json()["resourceId"] == first["id"]


@pytest.mark.acceptance("repositories", 5)
def test_all_tiers_are_created_at_once(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    wanted = parts.wanted(name="tiers", autoCreateTiers=True)
    answer = parts.call("POST", REPOSITORIES, wanted)
    assert answer.status_code == 202, answer.text
    sessions = answer.json()
    names = [session["repositoryJobInfo"]["repositoryName"] for session in sessions]
    assert names == ["tiers (Hot)", "tiers (Cool)", "tiers (Archive)"]
    parts.succeeded(answer)
    found = parts.get(f"{REPOSITORIES}/{sessions[2]['repositoryJobInfo']['repositoryId']}")
    assert found["storageTier"] == "Archive"
    assert folder_of(found) == f"{wanted['azureStorageFolder']}-archive"


@pytest.mark.control
def test_a_creation_that_failed_half_way_can_be_removed_and_repeated(
    control: Control, repository_parts: RepositoryParts
) -> None:
    parts = repository_parts
    folder = f"unlucky-{new_id()}"
    wanted = parts.wanted(azureStorageFolder=folder)
    control.add_fault(method="PUT", path=f"{folder}/repository", status=400, code="Broken")
    session = parts.succeeded(parts.call("POST", REPOSITORIES, wanted), "Error")
    path = f"{REPOSITORIES}/{as_object(session['repositoryJobInfo'])['repositoryId']}"
    assert parts.get(path)["status"] == "Failed"
    log = read_log(parts.database, as_text(session["id"]))
    assert any(status == "Error" and "Broken" in message for status, message in log)
    assert parts.call("POST", f"{path}/checkPassword", "correct horse").json() is True
    control.clear_faults()
    parts.succeeded(parts.call("DELETE", path))
    parts.succeeded(parts.call("POST", REPOSITORIES, wanted))


@pytest.mark.control
def test_an_azure_that_does_not_answer_is_asked_again_by_the_session(
    control: Control, repository_parts: RepositoryParts
) -> None:
    parts = repository_parts
    wanted = parts.wanted()
    control.add_fault(path="/containers/images", status=400, code="Broken", times=1)
    answer = parts.call("POST", REPOSITORIES, wanted)
    assert answer.status_code == 202, answer.text
    parts.succeeded(answer)


@pytest.mark.control
def test_an_answer_that_is_lost_does_no_harm(
    control: Control, repository_parts: RepositoryParts
) -> None:
    parts = repository_parts
    folder = f"lossy-{new_id()}"
    control.add_fault(
        method="PUT", path=f"{folder}/", drop=True, applyAfterDisconnect=True, times=2
    )
    found = parts.create(azureStorageFolder=folder)
    assert found["status"] == "Ready"
    EngineRepository.open(parts.storage_of(found), "correct horse")
