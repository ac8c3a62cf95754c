"""Repositories encrypted with a key of a vault: docs/behaviour/repositories.md, section 10.1."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kyanite.areas.repositories import Repositories, ThisAppliance
from kyanite.areas.repositories.mark import read_mark
from kyanite.base.clock import ManualClock
from kyanite.base.errors import Conflict, WrongKey
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text
from kyanite.db.uses import Thing, users_of
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.key_slots import SlotKind
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.engine.storage.base import Storage
from support.azure_parts import SECRETS
from support.jobs import read_log
from support.repository_parts import REPOSITORIES, RepositoryParts, folder_of
from support.vault_parts import VaultOfATest, make_vault

GET_METADATA = f"{REPOSITORIES}/settings/getMetadata"


@pytest.fixture
def parts(parts_on_both: RepositoryParts) -> RepositoryParts:
    return parts_on_both


@pytest.fixture
def vault(parts: RepositoryParts) -> VaultOfATest:
    return make_vault(parts)


def with_key(vault: VaultOfATest, **other: object) -> dict[str, object]:
    return {"password": None, "hint": None, **vault.key(), **other}


def kinds(parts: RepositoryParts, repository: JsonObject) -> list[SlotKind]:
    engine = parts.repositories.open(as_text(repository["id"]))
    return sorted(slot.kind for slot in engine.key_slots())


def path_of(repository: JsonObject) -> str:
    return f"{REPOSITORIES}/{repository['id']}"


def test_a_repository_is_encrypted_with_a_key_and_a_new_appliance_imports_it_by_the_key(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    made = parts.create(**with_key(vault))
    assert (made["enableEncryption"], made["hint"], made["status"]) == (True, None, "Ready")
    assert kinds(parts, made) == [SlotKind.VAULT]
    answer = parts.call("POST", f"{path_of(made)}/checkPassword", "x")
    assert answer.status_code == 202  # not applicable
    shown = parts.call(
        "POST", GET_METADATA, parts.wanted(azureStorageFolder=folder_of(made))
    ).json()
    current = vault.keys.get_key("backups")
    assert shown == {
        "repositoryExists": True,
        "storageTier": "Inferred",
        "isEncrypted": True,
        "encryptionMethod": "KeyVault",
        "hint": None,
        "keyVaultId": vault.id,
        "keyVaultName": vault.name,
        "keyName": "backups",
        "keyUri": current.id,
        "keyVersion": current.properties.version,
        "immutability": "Mutable",
    }
    parts.succeeded(parts.call("DELETE", path_of(made)))  # what another appliance would find
    again = {"azureStorageFolder": folder_of(made), "importIfFolderHasBackup": True}
    refused = parts.call("POST", REPOSITORIES, parts.wanted(**again))
    assert refused.status_code == 400
    assert "password" in refused.json()["errors"]
    nothing = parts.wanted(**again, enableEncryption=False, password=None)
    refused = parts.call("POST", REPOSITORIES, nothing)
    assert refused.status_code == 400
    assert vault.name in refused.text
    found = parts.create(**with_key(vault, **again))
    assert (found["status"], found["enableEncryption"]) == ("Ready", True)
    parts.repositories.open(as_text(found["id"]))


def test_password_and_key_are_changed_into_each_other_and_the_points_stay_readable(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    repository = parts.create()
    storage = parts.storage_of(repository)
    before = EngineRepository.open(storage, "correct horse")
    answer = parts.call("PUT", path_of(repository), with_key(vault))
    parts.succeeded(answer)
    assert kinds(parts, repository) == [SlotKind.VAULT]
    with pytest.raises(WrongKey):
        EngineRepository.open(storage, "correct horse")
    assert parts.repositories.open(as_text(repository["id"])).master_key == before.master_key
    mark = read_mark(storage)
    assert mark is not None
    assert (mark.encryption_method, mark.hint) == ("KeyVault", None)
    back = {"password": "new horse", "hint": "stable"}
    parts.succeeded(parts.call("PUT", path_of(repository), back))
    assert kinds(parts, repository) == [SlotKind.PASSWORD]
    assert parts.get(path_of(repository))["hint"] == "stable"
    assert EngineRepository.open(storage, "new horse").master_key == before.master_key
    mark = read_mark(storage)
    assert mark is not None
    assert (mark.encryption_method, mark.key) == ("Password", None)


def test_entering_the_key_again_takes_its_newest_version(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    repository = parts.create(**with_key(vault))
    old = vault.keys.get_key("backups")
    vault.keys.create_rsa_key("backups")
    parts.repositories.open(as_text(repository["id"]))  # the old version still opens
    parts.succeeded(parts.call("PUT", path_of(repository), with_key(vault)))
    vault.keys.update_key_properties("backups", old.properties.version, enabled=False)
    parts.repositories.open(as_text(repository["id"]))


def test_encryption_is_switched_on_with_a_key_and_new_data_has_keys_that_were_never_published(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    repository = parts.create(enableEncryption=False)
    storage = parts.storage_of(repository)
    mark = read_mark(storage)
    assert mark is not None
    published = EngineRepository.open(storage, mark.open_password)
    change = with_key(vault, enableEncryption=True)
    parts.succeeded(parts.call("PUT", path_of(repository), change))
    engine = parts.repositories.open(as_text(repository["id"]))
    assert engine.fingerprint == published.fingerprint
    assert engine.master_key != published.master_key
    with pytest.raises(WrongKey):
        EngineRepository.open(storage, mark.open_password)
    with pytest.raises(WrongKey):
        EngineRepository.open_with_master(storage, published.master_key)


def test_a_disabled_key_stops_the_appliance_until_it_is_enabled(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    repository = parts.create(**with_key(vault))
    repository_id = as_text(repository["id"])
    vault.keys.update_key_properties("backups", enabled=False)
    with pytest.raises(Conflict, match="disabled"):
        parts.repositories.open_for_writing(repository_id)
    session = parts.succeeded(
        parts.call("PUT", path_of(repository), {"password": "escape"}), "Error"
    )
    log = read_log(parts.database, as_text(session["id"]))
    assert any("disabled" in message for _, message in log)
    vault.keys.update_key_properties("backups", enabled=True)
    parts.repositories.open_for_writing(repository_id)


def test_a_deleted_key_is_missed_for_a_week_in_which_the_encryption_can_be_changed(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    repository = parts.create(**with_key(vault))
    other = parts.create(**with_key(vault))
    repository_id = as_text(repository["id"])
    assert parts.repositories.key_warning(repository_id) is None
    vault.keys.begin_delete_key("backups").wait()
    parts.repositories.open_for_writing(repository_id)
    warning = parts.repositories.key_warning(repository_id)
    assert warning is not None
    assert "Recover it" in warning
    parts.repositories.key_warning(as_text(other["id"]))
    parts.succeeded(parts.call("PUT", path_of(repository), {"password": "saved"}))
    clock = ManualClock(parts.api.clock.now() + timedelta(days=8))
    this = ThisAppliance(parts.database, "appliance-1")
    later = Repositories(parts.database, SECRETS, parts.access, this, clock)
    later.open_for_writing(repository_id)
    with pytest.raises(Conflict, match="was deleted"):
        later.open(as_text(other["id"]))
    vault.keys.begin_recover_deleted_key("backups").wait()
    later.open_for_writing(as_text(other["id"]))
    assert later.key_warning(as_text(other["id"])) is None


def test_keys_that_cannot_be_used_are_refused_before_anything_is_made(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    vault.keys.create_rsa_key("off", enabled=False)
    vault.keys.create_rsa_key("verifies", key_operations=["verify"])
    before = parts.get(REPOSITORIES)["totalCount"]
    uri = str(vault.keys.vault_url).rstrip("/")
    for wrong in (
        f"{uri}/keys/off",
        f"{uri}/keys/verifies",
        f"{uri}/keys/missing",
        f"{uri}/secrets/backups",
        f"{uri}/keys/backups?x=1",
        "https://elsewhere.example.org/keys/backups",
        "nonsense",
    ):
        answer = parts.call(
            "POST", REPOSITORIES, parts.wanted(**with_key(vault, keyVaultKeyUri=wrong))
        )
        assert answer.status_code == 400, (wrong, answer.text)
        assert "keyVaultKeyUri" in answer.json()["errors"], wrong
    assert parts.get(REPOSITORIES)["totalCount"] == before


def test_a_slot_that_a_stranger_wrapped_with_the_public_key_opens_nothing(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    repository = parts.create(**with_key(vault))
    repository_id = as_text(repository["id"])
    storage = parts.storage_of(repository)
    with parts.database.reading() as db:
        facts = parts.repositories.facts(db, repository_id)
    assert facts.key is not None
    _empty(storage)
    wrapping = parts.repositories.unlocking.wrapping(facts.account_id, facts.key)
    EngineRepository.create_with_vault(storage, wrapping)
    with pytest.raises(WrongKey, match="another repository"):
        parts.repositories.open(repository_id)


def test_keys_rotated_by_somebody_else_are_taken_up_with_the_new_password(
    parts: RepositoryParts,
) -> None:
    repository = parts.create()
    storage = parts.storage_of(repository)
    engine = EngineRepository.open(storage, "correct horse")
    engine.rotate_keys([NewPassword("of the night shift")])
    with pytest.raises(WrongKey, match="changed by somebody else"):
        parts.repositories.open(as_text(repository["id"]))
    check = f"{path_of(repository)}/checkPassword"
    assert parts.call("POST", check, "correct horse").json() is False
    assert parts.call("POST", check, "of the night shift").json() is True
    wrong = parts.succeeded(parts.call("PUT", path_of(repository), {"password": "x"}), "Error")
    log = read_log(parts.database, as_text(wrong["id"]))
    assert any("changed by somebody else" in message for _, message in log)
    parts.succeeded(parts.call("PUT", path_of(repository), {"password": "of the night shift"}))
    assert parts.repositories.open(as_text(repository["id"])).master_key == engine.master_key


def test_a_password_changed_by_another_appliance_is_known_at_once(parts: RepositoryParts) -> None:
    repository = parts.create()
    EngineRepository.open(parts.storage_of(repository), "correct horse").change_password("theirs")
    parts.repositories.open_for_writing(as_text(repository["id"]))
    check = f"{path_of(repository)}/checkPassword"
    assert parts.call("POST", check, "theirs").json() is True
    assert parts.call("POST", check, "correct horse").json() is False


def test_a_vault_in_use_is_named_in_the_table_of_uses_until_it_is_replaced(
    parts: RepositoryParts, vault: VaultOfATest
) -> None:
    repository = parts.create(**with_key(vault))
    used = Thing("key vault", vault.id)
    with parts.database.reading() as db:
        assert [user.id for user in users_of(db, used)] == [as_text(repository["id"])]
    parts.succeeded(parts.call("PUT", path_of(repository), {"password": "x"}))
    with parts.database.reading() as db:
        assert users_of(db, used) == []


def test_metadata_of_a_new_folder_and_of_an_open_repository(parts: RepositoryParts) -> None:
    new = parts.call("POST", GET_METADATA, parts.wanted()).json()
    assert (new["repositoryExists"], new["encryptionMethod"], new["immutability"]) == (
        False,
        "None",
        "Mutable",
    )
    assert (new["storageTier"], new["isEncrypted"]) == (None, False)
    made = parts.create(enableEncryption=False, storageTier="Cool")
    wanted = parts.wanted(azureStorageFolder=folder_of(made))
    found = as_object(parts.call("POST", GET_METADATA, wanted).json())
    assert found["repositoryExists"] is True
    assert (found["encryptionMethod"], found["storageTier"]) == ("None", "Cool")
    for wrong in (
        {"azureAccountId": "00000000-0000-0000-0000-000000000001"},
        {"azureStorageAccountId": "nonsense"},
        {"azureStorageContainer": "nothing"},
        {"azureStorageFolder": "a/b"},
    ):
        answer = parts.call("POST", GET_METADATA, parts.wanted(**wrong))
        assert answer.status_code == 400, answer.text
        assert list(answer.json()["errors"]) == list(wrong)


def test_the_list_is_exported_with_the_filters_of_its_own(parts: RepositoryParts) -> None:
    first = parts.create(name="=SUM")
    total = parts.get(REPOSITORIES)["totalCount"]
    whole = parts.call("POST", f"{REPOSITORIES}/export")
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "application/octet-stream"
    lines = whole.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + as_int(total)
    assert lines[0].startswith("id,name,")
    assert any("'=SUM" in line for line in lines)
    one = parts.call("POST", f"{REPOSITORIES}/export", {"repositoryIds": [first["id"]]})
    assert len(one.content.decode().splitlines()) == 2
    none = parts.call(
        "POST", f"{REPOSITORIES}/export", {"repositoryIds": [first["id"]], "isEncrypted": False}
    )
    assert len(none.content.decode().splitlines()) == 1


def _empty(storage: Storage) -> None:
    for found in list(storage.list("")):
        if not found.name.startswith("mark/"):
            storage.delete(found.name)
