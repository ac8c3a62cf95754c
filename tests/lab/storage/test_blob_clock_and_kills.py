"""What follows the lab's clock, and what a SIGKILL must leave: each in a lab of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError, HttpResponseError
from azure.mgmt.storage.models import BlobServiceProperties
from azure.mgmt.storage.models import ImmutabilityPolicy as ContainerImmutability
from azure.storage.blob import (
    BlobBlock,
    ContainerClient,
    ImmutabilityPolicy,
    RehydratePriority,
    StandardBlobTier,
    generate_container_sas,
)

from support.lab import LabProcess, running_lab
from support.storage import Account, code, immutable_container, make_account, storage_client

SCENE = """
tenant: {id: 5a7e1b3c-0d7d-4a57-9c0e-2f1d6a9b8c01, defaultDomain: lab.onmicrosoft.com}
applications:
  - name: owner
    clientId: 0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d01
    objectId: 7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a01
locations: [westeurope]
subscriptions:
  - {id: 1f6d2c3b-8a4e-4f5d-9b7a-6c5d4e3f2a01, name: One}
roleAssignments:
  - {application: owner, role: Owner, scope: /}
  - {application: owner, role: Storage Blob Data Owner, scope: /}
"""
LIST = {"restype": "container", "comp": "list"}

pytestmark = pytest.mark.control


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabProcess]:
    scene = tmp_path / "scene.yaml"
    scene.write_text(SCENE)
    with running_lab(tmp_path / "lab", "--scene", str(scene)) as started:
        yield started


@pytest.fixture
def account(lab: LabProcess) -> Account:
    """Not deleted afterwards: the whole lab goes."""
    return make_account(lab.azure)


@pytest.fixture
def container(account: Account) -> ContainerClient:
    return account.client(account.key).create_container("box")


def lab_time(lab: LabProcess) -> datetime:
    text = str(lab.control.get("clock").json()["now"])
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00")


def test_a_sas_and_a_token_end_by_the_clock_of_the_lab(
    lab: LabProcess, account: Account, container: ContainerClient
) -> None:
    expiry = lab_time(lab) + timedelta(hours=1)
    sas = generate_container_sas(account.name, "box", account.key, permission="l", expiry=expiry)
    token = lab.azure.token("https://storage.azure.com/.default")
    bearer = {"Authorization": f"Bearer {token}"}
    assert account.raw("GET", "box", query=LIST, sas=sas).status_code == 200
    assert account.raw("GET", "box", query=LIST, sas="", headers=bearer).status_code == 200
    lab.control.advance(2 * 24 * 3600)
    answer = account.raw("GET", "box", query=LIST, sas=sas)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
    answer = account.raw("GET", "box", query=LIST, sas="", headers=bearer)
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    # Requests signed with the key carry real dates, and still work.
    assert list(container.list_blobs()) == []


def test_a_user_delegation_key_ends_by_the_clock_of_the_lab(
    lab: LabProcess, account: Account, container: ContainerClient
) -> None:
    now = lab_time(lab)
    owner = account.client(lab.azure.credential())
    key = owner.get_user_delegation_key(now, now + timedelta(hours=2))
    sas = generate_container_sas(
        account.name,
        "box",
        user_delegation_key=key,
        permission="l",
        expiry=now + timedelta(days=3),
    )
    assert list(account.container("box", sas).list_blobs()) == []
    lab.control.advance(3 * 3600)
    with pytest.raises(HttpResponseError) as refusal:
        list(account.container("box", sas).list_blobs())
    assert code(refusal.value) == "AuthenticationFailed"


def test_a_lease_expires_by_the_clock_of_the_lab(
    lab: LabProcess, container: ContainerClient
) -> None:
    blob = container.upload_blob("b", b"1")
    lease = blob.acquire_lease(30)
    lab.control.advance(31)
    assert blob.get_blob_properties().lease.state == "expired"
    lease.renew()
    lab.control.advance(31)
    blob.upload_blob(b"2", overwrite=True)
    with pytest.raises(HttpResponseError):
        lease.renew()


def test_rehydration_takes_its_hours_and_high_priority_fewer(
    lab: LabProcess, container: ContainerClient
) -> None:
    slow, fast = (
        container.upload_blob(name, name.encode(), standard_blob_tier=StandardBlobTier.ARCHIVE)
        for name in ("slow", "fast")
    )
    copy = container.get_blob_client("copy")
    copy.start_copy_from_url(
        slow.url, standard_blob_tier=StandardBlobTier.HOT, rehydrate_priority=RehydratePriority.HIGH
    )
    slow.set_standard_blob_tier("Cool")
    fast.set_standard_blob_tier("Hot", rehydrate_priority=RehydratePriority.HIGH)
    assert copy.get_blob_properties().archive_status == "rehydrate-pending-to-hot"
    lab.control.advance(3601)
    assert fast.download_blob().readall() == b"fast"
    assert copy.download_blob().readall() == b"slow"
    assert slow.get_blob_properties().archive_status == "rehydrate-pending-to-cool"
    lab.control.advance(15 * 3600)
    found = slow.get_blob_properties()
    assert (found.blob_tier, found.archive_status) == ("Cool", None)
    assert slow.download_blob().readall() == b"slow"


def test_every_answered_write_is_there_after_a_sigkill(
    lab: LabProcess, account: Account, container: ContainerClient
) -> None:
    answered: dict[str, bytes] = {}
    lock = threading.Lock()
    enough = threading.Event()

    def write(writer: int) -> None:
        box = account.client(account.key).get_container_client("box")
        number = 0
        while True:
            name, data = f"{writer}-{number}", bytes([writer]) * (1000 + number * 97)
            blob = box.get_blob_client(name)
            try:
                if number % 3:
                    blob.upload_blob(data)
                else:
                    blob.stage_block("a", data)
                    blob.commit_block_list([BlobBlock("a")])
            except AzureError:
                return
            with lock:
                answered[name] = data
                if len(answered) >= 60:
                    enough.set()
            number += 1

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for writer in writers:
        writer.start()
    assert enough.wait(60)
    lab.kill()
    for writer in writers:
        writer.join()
    before = lab.azure
    after = lab.start()
    assert (after.arm, after.client_secret) == (before.arm, before.client_secret)
    names = {blob.name for blob in container.list_blobs()}
    assert set(answered) <= names
    assert len(names) <= len(answered) + len(writers)  # applied, but the answer never came
    for name, data in answered.items():
        assert container.get_blob_client(name).download_blob().readall() == data


def test_a_killed_upload_leaves_neither_a_blob_nor_its_bytes(
    lab: LabProcess, account: Account, container: ContainerClient
) -> None:
    lab.control.add_fault(method="PUT", path="/box/half", bytesPerSecond=2_000_000)
    failed: list[AzureError] = []

    def upload() -> None:
        try:
            account.client(account.key).get_blob_client("box", "half").upload_blob(bytes(20 << 20))
        except AzureError as error:
            failed.append(error)

    uploading = threading.Thread(target=upload)
    uploading.start()
    content = lab.directory / "storage_blob" / "content"
    deadline = threading.Event()
    while not any(content.glob("??/*")) and not deadline.wait(0.05):
        assert uploading.is_alive()
    lab.kill()
    uploading.join()
    assert failed
    lab.start()
    assert list(container.list_blobs()) == []
    assert list(content.glob("??/*")) == []


def test_versions_and_their_protection_survive_a_sigkill_and_end_by_the_clock_of_the_lab(
    lab: LabProcess,
) -> None:
    account = make_account(lab.azure, versioning=True)
    container = immutable_container(account)
    blob = container.get_blob_client("b")
    until = (lab_time(lab) + timedelta(days=2)).replace(microsecond=0)
    locked = ImmutabilityPolicy(expiry_time=until, policy_mode="Locked")
    first = blob.upload_blob(b"one", immutability_policy=locked)["version_id"]
    second = blob.upload_blob(b"", overwrite=True)["version_id"]
    blob.delete_blob()
    lab.kill()
    lab.start()
    listed = list(container.list_blobs(include=["versions", "immutabilitypolicy"]))
    assert [one.version_id for one in listed] == [first, second]
    assert listed[0].immutability_policy.expiry_time == until
    with pytest.raises(HttpResponseError) as refusal:
        blob.delete_blob(version_id=first)
    assert code(refusal.value) == "BlobImmutableDueToPolicy"
    assert blob.download_blob(version_id=first).readall() == b"one"
    lab.control.advance(2 * 24 * 3600 + 1)
    blob.delete_blob(version_id=first)
    blob.delete_blob(version_id=second)
    assert list(container.list_blobs(include=["versions", "deletedwithversions"])) == []
    assert list((lab.directory / "storage_blob" / "content").glob("??/*")) == []


def test_an_expired_policy_of_a_container_lets_delete_and_not_overwrite(
    lab: LabProcess, account: Account, container: ContainerClient
) -> None:
    blob = container.upload_blob("b", b"one")
    days: dict[str, object] = {"properties": {"immutabilityPeriodSinceCreationInDays": 1}}
    containers = storage_client(lab.azure, account.subscription_id).blob_containers
    containers.create_or_update_immutability_policy(
        account.group, account.name, "box", parameters=ContainerImmutability(days)
    )
    lab.control.advance(24 * 3600 + 60)
    for change in (lambda: blob.upload_blob(b"2", overwrite=True), blob.set_blob_metadata):
        with pytest.raises(HttpResponseError) as refusal:
            change()
        assert code(refusal.value) == "BlobImmutableDueToPolicy"
    blob.delete_blob()


def test_what_was_deleted_softly_survives_a_sigkill_and_ends_by_the_clock_of_the_lab(
    lab: LabProcess, account: Account, container: ContainerClient
) -> None:
    days: dict[str, object] = {"enabled": True, "days": 3}
    switches: dict[str, object] = {
        "deleteRetentionPolicy": days,
        "containerDeleteRetentionPolicy": days,
    }
    storage_client(lab.azure, account.subscription_id).blob_services.set_service_properties(
        account.group, account.name, BlobServiceProperties({"properties": switches})
    )
    service = account.client(account.key)
    service.create_container("other").upload_blob("b", b"2")
    service.delete_container("other")
    blob = container.upload_blob("b", b"1")
    blob.delete_blob()
    lab.kill()
    lab.start()
    blob.undelete_blob()
    assert blob.download_blob().readall() == b"1"
    blob.delete_blob()
    lab.control.advance(3 * 24 * 3600 + 1)
    with pytest.raises(HttpResponseError):
        blob.undelete_blob()
    assert list(container.list_blobs(include=["deleted"])) == []
    assert [one.name for one in service.list_containers(include_deleted=True)] == ["box"]
    assert list((lab.directory / "storage_blob" / "content").glob("??/*")) == []
