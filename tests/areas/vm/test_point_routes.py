"""Machines and restore points over the API; restores and deletions asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from kyanite.areas.vm.tables import RestorePointRow
from kyanite.durable.job_tables import JobRow
from kyanite.http.rights import Role
from support.inhabited import DISK, GROUP, MACHINE, SUBNET, Inhabited, inhabited

MACHINES = "/api/v8.1/virtualMachines"
PROTECTED = "/api/v8.1/protectedItem/virtualMachines"
POINTS = "/api/v8.1/restorePoints/virtualMachines"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    with inhabited(tmp_path_factory.mktemp("appliance")) as home:
        yield home


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    """One that tests only look at."""
    with inhabited(tmp_path_factory.mktemp("appliance")) as home:
        yield home


@pytest.fixture(scope="module")
def calm_headers(calm: Inhabited) -> dict[str, str]:
    return calm.headers()


def count(home: Inhabited, headers: dict[str, str], path: str) -> int:
    answer = home.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    total: int = answer.json()["totalCount"]
    return total


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 1),
        ("SearchPattern=EB-", 1),
        ("SearchPattern=db", 0),
        ("RegionIds=West%20Europe", 1),
        ("RegionIds=northeurope", 0),
        ("RegionIds=northeurope,westeurope", 1),
        ("ProtectionStatus=Protected", 1),
        ("ProtectionStatus=Unprotected", 0),
        ("BackupDestination=Snapshot", 1),
        ("BackupDestination=Archive,ManualSnapshot", 0),
        ("ExistsState=OnlyDeleted", 0),
        ("ExistsState=All", 1),
        ("VmFromProtectedRegions=true", 1),
        ("SubscriptionId=1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9", 1),
        ("SubscriptionId=00000000-0000-4000-8000-000000000000", 0),
        ("ServiceAccountId=00000000-0000-4000-8000-000000000000", 0),
        ("TenantId=8c1d2e3f-4a5b-4c6d-8e7f-901a2b3c4d5e", 1),
    ],
)
def test_machines_are_filtered(
    calm: Inhabited, calm_headers: dict[str, str], query: str, found: int
) -> None:
    assert count(calm, calm_headers, f"{MACHINES}?{query}") == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2),
        ("OnlyLatest=true", 1),
        ("PointInTime=2026-02-03T10:00:00Z", 2),
        ("PointInTime=2026-02-03", 0),
        ("StorageAccessTier=hot", 1),
        ("StorageAccessTier=Archive", 0),
        ("DataRetrievalStatuses=None", 2),
        ("DataRetrievalStatuses=Retrieved", 0),
        ("ImmutabilityEnabled=true", 0),
        ("VirtualMachineId=nobody", 0),
        (f"VirtualMachineId={MACHINE}", 2),
        (f"DiskId={DISK}", 2),
        ("DiskId=other", 0),
    ],
)
def test_points_are_filtered(
    calm: Inhabited, calm_headers: dict[str, str], query: str, found: int
) -> None:
    assert count(calm, calm_headers, f"{POINTS}?{query}") == found


def test_a_snapshot_kept_only_for_the_next_backup_is_not_offered(home: Inhabited) -> None:
    headers = home.headers()
    with home.database.writing() as db:
        point = db.get(RestorePointRow, home.snapshot_id)
        assert point is not None
        point.flags = "None"
    assert count(home, headers, POINTS) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [("", 1), ("SearchPattern=WEB", 1), ("SearchPattern=x", 0), ("FlrSession=true", 0)],
)
def test_protected_machines_are_filtered(
    calm: Inhabited, calm_headers: dict[str, str], query: str, found: int
) -> None:
    assert count(calm, calm_headers, f"{PROTECTED}?{query}") == found


def test_the_disks_of_a_point_are_listed_for_a_restore(
    calm: Inhabited, calm_headers: dict[str, str]
) -> None:
    path = f"{POINTS}/diskSnapshots?RestorePointId={calm.snapshot_id}"
    disks = calm.client.get(path, headers=calm_headers).json()["results"]
    assert [(disk["diskId"], disk["name"], disk["sizeInGB"]) for disk in disks] == [(DISK, "s1", 4)]
    unknown = f"{POINTS}/diskSnapshots?RestorePointId={uuid4()}"
    assert count(calm, calm_headers, unknown) == 0


def restore(home: Inhabited, action: str, **body: object) -> Any:
    asked = {"reason": "a drill", "serviceAccountId": home.account_id, **body}
    path = f"{POINTS}/{home.backup_id}/{action}"
    return home.client.post(path, json=asked, headers=home.headers())


def payload_of(home: Inhabited, session_id: str) -> Any:
    with home.database.reading() as db:
        job = db.get(JobRow, session_id)
        assert job is not None
        return job.payload


def test_a_restore_to_the_old_place_starts_a_session(home: Inhabited) -> None:
    answer = restore(home, "restoreVirtualMachine", StartVMAfterRestore=True)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["type"], body["restoreJobInfo"]["reason"]) == ("RestoreVms", "a drill")
    assert payload_of(home, body["id"]) == {
        "pointId": home.backup_id,
        "accountId": home.account_id,
        "start": True,
        "target": None,
    }
    # While it is read the point cannot be deleted.
    path = f"{POINTS}/{home.backup_id}"
    assert home.client.delete(path, headers=home.headers()).status_code == 423


@pytest.mark.acceptance("accounts-and-users", 7)
def test_a_restore_operator_sees_no_policies_but_restores_and_stops(home: Inhabited) -> None:
    headers = home.headers(Role.RESTORE_OPERATOR)
    policies = home.client.get("/api/v8.1/policies/virtualMachines", headers=headers)
    assert policies.status_code == 403
    started = home.client.post(
        f"{POINTS}/{home.backup_id}/restoreVirtualMachine",
        json={"reason": "a drill", "serviceAccountId": home.account_id},
        headers=headers,
    )
    assert started.status_code == 202, started.text
    stop = f"/api/v8.1/jobSessions/{started.json()['id']}/stop"
    assert home.client.post(stop, headers=headers).status_code == 204


def test_a_restore_to_a_new_place_hands_over_what_was_asked_for(home: Inhabited) -> None:
    network, _, subnet = SUBNET.partition("/subnets/")
    answer = restore(
        home,
        "restoreVirtualMachine",
        toAlternative={
            "name": "web-2",
            "resourceGroup": {"resourceId": GROUP},
            "region": {"id": "West Europe"},
            "vmSizeName": "Standard_D4s_v5",
            "virtualNetwork": {"id": network},
            "subnet": {"name": subnet},
            "osDisk": {"diskId": DISK, "name": "web-2-os"},
        },
    )
    assert answer.status_code == 202, answer.text
    target = payload_of(home, answer.json()["id"])["target"]
    assert (target["name"], target["resourceGroup"], target["region"]) == (
        "web-2",
        "shop",
        "westeurope",
    )
    assert target["subnetId"] == SUBNET
    assert target["disks"][DISK.lower()]["name"] == "web-2-os"


@pytest.mark.parametrize(
    ("action", "changes", "member"),
    [
        ("restoreVirtualMachine", {"reason": " "}, "reason"),
        ("restoreVirtualMachine", {"serviceAccountId": None}, "serviceAccountId"),
        ("restoreVirtualMachine", {"serviceAccountId": "x"}, "serviceAccountId"),
        (
            "restoreVirtualMachine",
            {"toAlternative": {"diskType": "Unmanaged"}},
            "toAlternative.diskType",
        ),
        (
            "restoreVirtualMachine",
            {"toAlternative": {"region": {"id": "northeurope"}}},
            "toAlternative.virtualNetwork",
        ),
        (
            "restoreVirtualMachine",
            {"toAlternative": {"subnet": {"name": "front"}}},
            "toAlternative.subnet",
        ),
        (
            "restoreVirtualMachine",
            {"toAlternative": {"subscription": {"id": str(uuid4())}}},
            "toAlternative.subscription.id",
        ),
        ("restoreDisk", {}, "toAlternative"),
        ("restoreDisk", {"toOriginal": {}, "toAlternative": [{"diskId": DISK}]}, "toAlternative"),
        ("restoreDisk", {"toAlternative": []}, "toAlternative"),
        ("restoreDisk", {"toAlternative": [{"diskId": "x"}]}, "toAlternative[0].diskId"),
        (
            "restoreDisk",
            {"toOriginal": {"excludedDisks": [{"diskId": DISK}]}},
            "toOriginal.excludedDisks",
        ),
    ],
)
def test_a_restore_that_cannot_be_is_refused_by_member(
    calm: Inhabited, action: str, changes: dict[str, object], member: str
) -> None:
    answer = restore(calm, action, **changes)
    assert answer.status_code == 400, answer.text
    assert member in answer.json()["errors"]


def test_disks_are_restored_to_their_old_place_or_elsewhere(home: Inhabited) -> None:
    original = restore(home, "restoreDisk", toOriginal={})
    assert original.status_code == 202, original.text
    assert payload_of(home, original.json()["id"])["original"] == {"excludedDiskIds": []}
    elsewhere = restore(home, "restoreDisk", toAlternative=[{"diskId": DISK, "name": "copy"}])
    assert elsewhere.json()["type"] == "RestoreDisks"
    [disk] = payload_of(home, elsewhere.json()["id"])["alternative"]
    assert (disk["diskId"], disk["name"]) == (DISK.lower(), "copy")


@pytest.mark.parametrize("field", ["state", "access_tier"])
def test_a_damaged_or_archived_point_is_not_restored(home: Inhabited, field: str) -> None:
    with home.database.writing() as db:
        point = db.get(RestorePointRow, home.backup_id)
        setattr(point, field, {"state": "Corrupted", "access_tier": "Archive"}[field])
    assert restore(home, "restoreVirtualMachine").status_code == 400


@pytest.mark.acceptance("virtual-machines", 14)
def test_removing_what_is_there_starts_a_session_and_what_is_not_answers_204(
    home: Inhabited,
) -> None:
    headers, path = home.headers(), f"{PROTECTED}/{home.machine_id}"
    backups = home.client.post(f"{path}/deleteBackups?BackupTier=nonarchive", headers=headers)
    assert (backups.status_code, backups.json()["type"]) == (202, "BackupDeletion")
    assert payload_of(home, backups.json()["id"])["tier"] == "NonArchive"
    archived = home.client.post(f"{path}/deleteBackups?BackupTier=Archive", headers=headers)
    assert (archived.status_code, archived.content) == (204, b"")
    snapshots = home.client.post(f"{path}/deleteSnapshots", headers=headers)
    assert (snapshots.status_code, snapshots.json()["type"]) == (202, "SnapshotDeletion")
    for action in ("deleteBackups", "deleteSnapshots"):
        answer = home.client.post(f"{PROTECTED}/nobody/{action}", headers=headers)
        assert answer.status_code == 404


def test_a_backup_in_the_middle_may_be_deleted_alone(home: Inhabited) -> None:
    answer = home.client.delete(f"{POINTS}/{home.backup_id}", headers=home.headers())
    assert (answer.status_code, answer.json()["type"]) == (202, "BackupDeletion")
    assert home.client.delete(f"{POINTS}/{uuid4()}", headers=home.headers()).status_code == 404
