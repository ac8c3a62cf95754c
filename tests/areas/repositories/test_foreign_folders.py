"""Folders that hold other data, or belong to another appliance."""

from __future__ import annotations

import pytest

from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.repositories import Place
from kyanite.base.errors import Conflict
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import as_object, as_text
from support.repository_parts import REPOSITORIES, RepositoryParts, folder_of


def test_a_folder_with_other_data_is_left_alone(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    folder = f"foreign-{new_id()}"
    some = parts.create()
    with parts.database.reading() as db:
        facts = parts.repositories.facts(db, as_text(some["id"]))
    place = Place(facts.account_id, facts.storage_account_azure_id, facts.container, folder)
    parts.repositories.storage(place).put("holiday.jpg", b"sand")
    answer = parts.call("POST", REPOSITORIES, parts.wanted(azureStorageFolder=folder))
    assert answer.status_code == 409


@pytest.mark.acceptance("repositories", 9)
def test_the_folder_of_another_appliance_can_be_read_but_not_written(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    storage = parts.storage_of(repository)
    mark = read_mark(storage)
    assert mark is not None
    parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    write_mark(storage, Mark(Owner("other-id", "other-name"), "Inferred", True, "safe 3"))
    answer = parts.call(
        "POST",
        REPOSITORIES,
        parts.wanted(azureStorageFolder=folder_of(repository), importIfFolderHasBackup=True),
    )
    session = parts.succeeded(answer, "Warning")
    repository_id = as_text(as_object(session["repositoryJobInfo"])["repositoryId"])
    owner = as_object(parts.get(f"{REPOSITORIES}/{repository_id}")["repositoryOwnership"])
    assert owner == {
        "hasAnotherOwner": True,
        "currentOwnerIdentifier": "other-id",
        "currentOwnerName": "other-name",
    }
    parts.repositories.open(repository_id)
    with pytest.raises(Conflict, match="other-name"):
        parts.repositories.open_for_writing(repository_id)
    assert (
        parts.call("PUT", f"{REPOSITORIES}/{repository_id}", {"password": "x"}).status_code == 409
    )
    found = read_mark(storage)
    assert found is not None
    assert found.owner == Owner("other-id", "other-name")


def test_a_folder_taken_over_by_another_appliance_is_written_no_more(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    repository_id = as_text(repository["id"])
    parts.repositories.open_for_writing(repository_id)
    storage = parts.storage_of(repository)
    write_mark(storage, Mark(Owner("other-id", "other-name"), "Inferred", True, "safe 3"))
    with pytest.raises(Conflict, match="other-name"):
        parts.repositories.open_for_writing(repository_id)
    shown = parts.get(f"{REPOSITORIES}/{repository_id}")
    assert as_object(shown["repositoryOwnership"])["hasAnotherOwner"] is True
