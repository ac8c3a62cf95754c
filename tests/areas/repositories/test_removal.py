"""Repositories are removed, and their folders registered again."""

from __future__ import annotations

import pytest

from kyanite.areas.repositories.mark import read_mark
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import as_list, as_object, as_text
from kyanite.db.uses import Thing, forget_user, replace_uses
from kyanite.engine.repository import Repository as EngineRepository
from support.jobs import read_session
from support.lab import Control
from support.repository_parts import REPOSITORIES, RepositoryParts, back_up_a_little, folder_of


@pytest.mark.acceptance("repositories", 6)
def test_a_used_repository_is_not_removed_and_the_user_is_named(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    policy_id = new_id()
    with parts.database.writing() as db:
        used = Thing("repository", as_text(repository["id"]))
        replace_uses(db, Thing("vm-policy", policy_id), [used])
    path = f"{REPOSITORIES}/{repository['id']}"
    answer = parts.call("DELETE", path)
    assert answer.status_code == 409
    assert answer.json()["resourceId"] == repository["id"]
    page = parts.get(f"{REPOSITORIES}/validateDelete", RepositoryId=repository["id"])
    (entry,) = map(as_object, as_list(page["results"]))
    assert as_object(entry["repository"])["id"] == repository["id"]
    (use,) = map(as_object, as_list(entry["usedInPolicies"]))
    assert (use["id"], use["policyType"]) == (policy_id, "VirtualMachines")
    assert use["name"] == f"policy {policy_id[-4:]}"
    with parts.database.writing() as db:
        forget_user(db, Thing("vm-policy", policy_id))
    parts.succeeded(parts.call("DELETE", path))


@pytest.mark.control
def test_an_unreachable_folder_is_removed_with_a_warning(
    control: Control, repository_parts: RepositoryParts
) -> None:
    parts = repository_parts
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    control.add_fault(path="comp=list|restype=container|/images", status=403, code="Broken")
    parts.succeeded(parts.call("DELETE", path), "Warning")
    assert parts.call("GET", path).status_code == 404


@pytest.mark.acceptance("repositories", 7)
def test_removing_keeps_the_folder_and_it_can_be_registered_again(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create(storageTier="Cool")
    storage = parts.storage_of(repository)
    engine = EngineRepository.open(storage, "correct horse")
    deletion = parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    assert deletion["type"] == "RepositoryDeletion"
    assert parts.call("GET", f"{REPOSITORIES}/{repository['id']}").status_code == 404
    assert parts.follower.forgotten == [repository["id"]]
    assert read_session(parts.database, as_text(deletion["id"])).repository_removed
    mark = read_mark(storage)
    assert mark is not None
    assert mark.owner is None
    folder = folder_of(repository)
    container = f"/cloudInfrastructure/storageAccounts/{parts.storage_id()}/containers/images"
    seen = parts.get(f"{container}/folders", accountId=parts.account_id, searchPattern=folder)
    assert [as_object(item)["name"] for item in as_list(seen["results"])] == [folder]
    again: dict[str, object] = {"azureStorageFolder": folder, "importIfFolderHasBackup": True}
    for refused, status in (
        ({"azureStorageFolder": folder}, 409),
        ({**again, "password": "wrong"}, 400),
        ({**again, "storageTier": "Hot"}, 400),
    ):
        assert parts.call("POST", REPOSITORIES, parts.wanted(**refused)).status_code == status
    wrong = parts.call("POST", REPOSITORIES, parts.wanted(**again, password="wrong"))
    assert "safe 3" in wrong.text
    found = parts.create(**again)
    assert (found["status"], found["storageTier"]) == ("Ready", "Cool")
    assert parts.repositories.open(as_text(found["id"])).repository_id == engine.repository_id


@pytest.mark.acceptance("repositories", 7)
def test_registering_a_folder_imports_its_restore_points(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    engine = parts.repositories.open_for_writing(as_text(repository["id"]))
    session_id = new_id()
    back_up_a_little(engine, session_id)
    parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    parts.create(azureStorageFolder=folder_of(repository), importIfFolderHasBackup=True)
    (point,) = parts.follower.imported
    assert (point.session_id, point.machine_id) == (session_id, "machine-1")


def test_a_damaged_restore_point_does_not_keep_the_folder_from_being_registered(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    storage = parts.storage_of(repository)
    engine = parts.repositories.open_for_writing(as_text(repository["id"]))
    sessions = [new_id(), new_id()]
    for session_id in sessions:
        back_up_a_little(engine, session_id)
    storage.delete(f"points/{sessions[0]}")
    storage.put(f"points/{sessions[0]}", b"not a point")
    parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    wanted = parts.wanted(azureStorageFolder=folder_of(repository), importIfFolderHasBackup=True)
    parts.succeeded(parts.call("POST", REPOSITORIES, wanted), "Warning")
    assert [point.session_id for point in parts.follower.imported] == [sessions[1]]
