"""Repositories are edited: settings, the account, the password, encryption."""

from __future__ import annotations

import pytest

from kyanite.areas.repositories.mark import read_mark
from kyanite.engine.repository import Repository as EngineRepository
from support.lab import Control
from support.repository_parts import REPOSITORIES, RepositoryParts


def test_settings_are_edited(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create(concurrencyLimit=4, description="old")
    path = f"{REPOSITORIES}/{repository['id']}"
    change = {"name": "renamed", "concurrencyLimit": 1, "hint": "safe 4"}
    session = parts.succeeded(parts.call("PUT", path, change))
    assert session["type"] == "RepositoryEdit"
    found = parts.get(path)
    assert (found["name"], found["concurrencyLimit"], found["hint"]) == ("renamed", 1, "safe 4")
    assert found["description"] is None
    assert found["enableEncryption"] is True
    mark = read_mark(parts.storage_of(repository))
    assert mark is not None
    assert mark.hint == "safe 4"
    off = parts.call("PUT", path, {"enableEncryption": False})
    assert off.status_code == 400
    assert parts.call("PUT", path, {"name": "a/b"}).status_code == 400
    other = parts.create()
    taken = parts.call("PUT", path, {"name": other["name"]})
    assert taken.status_code == 409


def test_another_account_is_entered_only_when_it_reaches_the_folder(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    other = parts.save_account("other")
    session = parts.succeeded(parts.call("PUT", path, {"azureAccountId": other}))
    assert session["type"] == "RepositoryEdit"
    assert parts.get(path)["azureAccountId"] == other
    machines = parts.save_account("machines", azureAccountPurposes=["VirtualMachineBackup"])
    assert parts.call("PUT", path, {"azureAccountId": machines}).status_code == 400
    nobody = "00000000-0000-0000-0000-000000000001"
    assert parts.call("PUT", path, {"azureAccountId": nobody}).status_code == 404
    assert parts.call("DELETE", f"/accounts/azure/service/{other}").status_code == 409
    assert parts.call("DELETE", f"/accounts/azure/service/{parts.account_id}").status_code == 204


@pytest.mark.control
def test_an_account_without_rights_is_not_entered(
    control: Control, repository_parts: RepositoryParts
) -> None:
    parts = repository_parts
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    restricted = parts.save_account(
        "restricted",
        applicationId="0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02",
        clientSecret="restricted-secret-of-the-small-scene",
    )
    change = {"azureAccountId": restricted, "name": "renamed"}
    parts.succeeded(parts.call("PUT", path, change), "Error")
    found = parts.get(path)
    assert found["azureAccountId"] == parts.account_id
    assert found["name"] != "renamed"
    assert found["status"] == "Ready"


def test_a_new_password_opens_and_the_old_one_does_not(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    parts.succeeded(parts.call("PUT", path, {"password": "new horse"}))
    assert parts.call("POST", f"{path}/checkPassword", "new horse").json() is True
    assert parts.call("POST", f"{path}/checkPassword", "correct horse").json() is False
    assert parts.get(path)["hint"] == "safe 3"


def test_encryption_can_be_switched_on(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create(enableEncryption=False)
    path = f"{REPOSITORIES}/{repository['id']}"
    assert parts.call("PUT", path, {"enableEncryption": True}).status_code == 400
    change = {"enableEncryption": True, "password": "secret", "hint": "h"}
    parts.succeeded(parts.call("PUT", path, change))
    found = parts.get(path)
    assert (found["enableEncryption"], found["hint"]) == (True, "h")
    storage = parts.storage_of(repository)
    mark = read_mark(storage)
    assert mark is not None
    assert (mark.is_encrypted, mark.open_password) == (True, "")
    assert len(list(storage.list("mark/"))) == 1
    EngineRepository.open(storage, "secret")


@pytest.mark.acceptance("repositories", 8)
def test_encryption_cannot_be_switched_off(repository_parts: RepositoryParts) -> None:
    path = f"{REPOSITORIES}/{repository_parts.create()['id']}"
    answer = repository_parts.call("PUT", path, {"enableEncryption": False})
    assert answer.status_code == 400
    assert "enableEncryption" in answer.json()["errors"]
    assert repository_parts.get(path)["enableEncryption"] is True
