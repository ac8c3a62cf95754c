"""Repositories over the API, in containers of an Azure."""

from __future__ import annotations

import pytest

from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.repositories import Place
from kyanite.azure.blob.storage import BlobStorage
from kyanite.base.errors import Conflict, StorageDenied
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text
from kyanite.base.units import MIB
from kyanite.db.uses import Thing, forget_user, replace_uses
from kyanite.durable.session_tables import SessionRow
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.repository import Repository as EngineRepository
from support.jobs import read_log, read_session
from support.lab import Control
from support.repository_parts import RepositoryParts

REPOSITORIES = "/repositories"


def storage_of(parts: RepositoryParts, repository: JsonObject) -> BlobStorage:
    """The folder of a repository, reached as a stranger with the account's rights would."""
    with parts.database.reading() as db:
        facts = parts.repositories.facts(db, as_text(repository["id"]))
    return parts.repositories.storage(
        Place(facts.account_id, facts.storage_account_azure_id, facts.container, facts.folder)
    )


def folder_of(repository: JsonObject) -> str:
    """The name of its folder."""
    return as_text(as_object(repository["azureStorageFolder"])["name"])


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
    engine = EngineRepository.open(storage_of(parts, found), "correct horse")
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
    mark = read_mark(storage_of(parts, repository))
    assert mark is not None
    assert mark.is_encrypted
    assert mark.open_password == ""


def test_a_repository_without_encryption_opens_with_the_published_password(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create(enableEncryption=False, password="ignored", hint="ignored")
    assert (repository["enableEncryption"], repository["hint"]) == (False, None)
    storage = storage_of(parts, repository)
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
    (
        {"password": None, "keyVaultId": "v", "keyVaultKeyUri": "https://v/k"},
        400,
        "keyVaultKeyUri",
    ),
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


def test_the_list_is_filtered(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    hot = parts.create(name="alpha", storageTier="Hot")
    parts.create(name="beta", enableEncryption=False)

    def names(**query: object) -> list[object]:
        page = parts.get(REPOSITORIES, **query)
        return [as_object(item)["name"] for item in as_list(page["results"])]

    assert names() == ["alpha", "beta"]
    assert names(SearchPattern="ALP") == ["alpha"]
    assert names(IsEncrypted="false") == ["beta"]
    assert names(Tier="Inferred") == ["beta"]
    assert names(Tier="Hot,Archive") == ["alpha"]
    assert names(Status="Ready,Failed") == ["alpha", "beta"]
    assert names(Status="Failed") == []
    assert names(Type="VeeamVault") == []
    assert names(ImmutabilityEnabled="true") == []
    assert names(ServiceAccountId=parts.account_id) == ["alpha", "beta"]
    assert names(ServiceAccountId="00000000-0000-0000-0000-000000000001") == []
    assert names(TenantId=parts.azure.tenant_id, limit=1, offset=1) == ["beta"]
    assert parts.call("GET", REPOSITORIES, Status="Nonsense").status_code == 400
    assert parts.call("GET", f"{REPOSITORIES}/{new_id()}").status_code == 404
    assert parts.get(f"{REPOSITORIES}/{hot['id']}", ServiceAccountId=parts.account_id) == hot


def test_passwords_are_checked_and_guessing_is_slowed_down(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    right = parts.call("POST", f"{path}/checkPassword", "correct horse")
    assert (right.status_code, right.json()) == (200, True)
    for guess in range(5):
        wrong = parts.call("POST", f"{path}/checkPassword", f"guess {guess}")
        assert (wrong.status_code, wrong.json()) == (200, False)
    limited = parts.call("POST", f"{path}/checkPassword", "correct horse")
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert parts.call("PUT", path, {"password": "new"}).status_code == 429
    unknown = f"{REPOSITORIES}/{new_id()}/checkPassword"
    assert parts.call("POST", unknown, "x").status_code == 404
    assert parts.call("POST", f"{path}/checkPassword", {"a": 1}).status_code == 400


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
    mark = read_mark(storage_of(parts, repository))
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
    storage = storage_of(parts, repository)
    mark = read_mark(storage)
    assert mark is not None
    assert (mark.is_encrypted, mark.open_password) == (True, "")
    assert len(list(storage.list("mark/"))) == 1
    EngineRepository.open(storage, "secret")


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


def test_removing_keeps_the_folder_and_it_can_be_registered_again(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create(storageTier="Cool")
    storage = storage_of(parts, repository)
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


class Zeros:
    """A disk with nothing but a few bytes at its start."""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = bytes(len(buffer))
        if offset == 0:
            buffer[:6] = b"marker"


def test_registering_a_folder_imports_its_restore_points(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    storage = storage_of(parts, repository)
    engine = parts.repositories.open_for_writing(as_text(repository["id"]))
    session_id = new_id()
    ticket = engine.open_session(session_id, "machine-1", "web")
    disk = DiskInput("disk-1", "os", 4 * MIB, Zeros())
    back_up(storage, engine.backup_keys(ticket), ticket, [disk], b"{}")
    parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    parts.create(azureStorageFolder=folder_of(repository), importIfFolderHasBackup=True)
    (point,) = parts.follower.imported
    assert (point.session_id, point.machine_id) == (session_id, "machine-1")


def test_a_damaged_restore_point_does_not_keep_the_folder_from_being_registered(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    storage = storage_of(parts, repository)
    engine = parts.repositories.open_for_writing(as_text(repository["id"]))
    sessions = [new_id(), new_id()]
    for session_id in sessions:
        ticket = engine.open_session(session_id, "machine-1", "web")
        disk = DiskInput("disk-1", "os", 4 * MIB, Zeros())
        back_up(storage, engine.backup_keys(ticket), ticket, [disk], b"{}")
    storage.delete(f"points/{sessions[0]}")
    storage.put(f"points/{sessions[0]}", b"not a point")
    parts.succeeded(parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}"))
    wanted = parts.wanted(azureStorageFolder=folder_of(repository), importIfFolderHasBackup=True)
    parts.succeeded(parts.call("POST", REPOSITORIES, wanted), "Warning")
    assert [point.session_id for point in parts.follower.imported] == [sessions[1]]


def test_the_folder_of_another_appliance_can_be_read_but_not_written(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository = parts.create()
    storage = storage_of(parts, repository)
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
    storage = storage_of(parts, repository)
    write_mark(storage, Mark(Owner("other-id", "other-name"), "Inferred", True, "safe 3"))
    with pytest.raises(Conflict, match="other-name"):
        parts.repositories.open_for_writing(repository_id)
    shown = parts.get(f"{REPOSITORIES}/{repository_id}")
    assert as_object(shown["repositoryOwnership"])["hasAnotherOwner"] is True


def test_a_session_at_work_keeps_the_repository_as_it_is(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    session_id = new_id()
    with parts.database.writing() as db:
        db.add(
            SessionRow(
                id=session_id,
                type="PolicyBackup",
                status="Running",
                created_at=parts.api.clock.now(),
                repository_id=as_text(repository["id"]),
            )
        )
    path = f"{REPOSITORIES}/{repository['id']}"
    for answer in (parts.call("DELETE", path), parts.call("PUT", path, {"name": "x"})):
        assert answer.status_code == 409
        assert answer.json()["sessionId"] == session_id
    with parts.database.writing() as db:
        db.get_one(SessionRow, session_id).status = "Success"
    parts.succeeded(parts.call("DELETE", path))


def test_a_data_mover_can_create_but_neither_overwrite_nor_delete(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository_id = as_text(parts.create()["id"])
    access = parts.repositories.access(repository_id, "rlc", 600)
    mover = BlobStorage.signed(access.container, access.folder, ca_file=parts.azure.ca or None)
    mover.put("packs/x", b"data")
    assert mover.get("packs/x") == b"data"
    with pytest.raises(StorageDenied):
        mover.delete("packs/x")


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
    EngineRepository.open(storage_of(parts, found), "correct horse")


@pytest.mark.control
def test_an_unreachable_folder_is_removed_with_a_warning(
    control: Control, repository_parts: RepositoryParts
) -> None:
    parts = repository_parts
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    control.add_fault(path="comp=list|restype=container|/images", status=403, code="Broken")
    parts.succeeded(parts.call("DELETE", path), "Warning")
    assert parts.call("GET", path).status_code == 404
