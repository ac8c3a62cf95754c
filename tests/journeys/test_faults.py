"""Azure has a bad day: the work ends right, or says why and succeeds the next time."""

from __future__ import annotations

import pytest

from demo.appliance import WorkFailed
from support.disk_contents import MIB, change, is_on_disk, write_noise
from support.house import House, Machine
from support.waiting import eventually

PASSING = [
    ("throttled snapshots",
     {"method": "PUT", "path": "/snapshots/", "status": 429, "code": "TooManyRequests",
      "retryAfter": 1, "times": 2}),
    ("Resource Manager is away",
     {"method": "POST", "path": "/beginGetAccess", "status": 503, "code": "ServiceUnavailable",
      "times": 2}),
    ("the storage is busy",
     {"method": "PUT", "path": "/packs/", "status": 503, "code": "ServerBusy", "times": 2}),
    ("uploads break off",
     {"method": "PUT", "path": "/packs/", "drop": True, "times": 2}),
    ("reads of the disk break off",
     {"method": "GET", "path": "^/md-", "drop": True, "times": 3}),
    ("the disk service fails for a moment",
     {"method": "GET", "path": "^/md-", "status": 500, "code": "InternalError", "times": 2}),
]  # fmt: skip


@pytest.fixture
def machine(house: House) -> Machine:
    """The machine of these stories."""
    return house.smallest_machine()


@pytest.mark.parametrize(
    ("seed", "fault"),
    [pytest.param(100 + n, fault, id=name) for n, (name, fault) in enumerate(PASSING)],
)
def test_a_passing_fault_is_not_noticed(
    house: House, machine: Machine, seed: int, fault: dict[str, object]
) -> None:
    content = write_noise(house, machine.disk_ids[0], 40 * MIB, seed)
    house.control.add_fault(**fault)
    house.back_up(machine)
    struck = sum(int(str(entry["struck"])) for entry in house.control.faults())
    assert struck == fault["times"]
    house.control.clear_faults()
    disk_id = house.restore_disk_elsewhere(machine, machine.disk_ids[0], f"passing-{seed}")
    assert is_on_disk(house, content, disk_id)
    assert house.leftovers() == []


def test_an_access_that_ends_in_the_middle_of_a_disk_is_renewed(
    house: House, machine: Machine
) -> None:
    content = write_noise(house, machine.disk_ids[0], 40 * MIB, 12)
    house.control.add_fault(method="GET", path="^/md-", skip=3, times=1, hold="before")
    _, backup = house.run_policy(house.policy("daily", [machine]))
    eventually(lambda: any(f.get("held") for f in house.control.faults()), within_seconds=60)
    house.advance(2 * 3600)
    house.control.clear_faults()
    house.client.wait(backup)
    disk_id = house.restore_disk_elsewhere(machine, machine.disk_ids[0], "renewed")
    assert is_on_disk(house, content, disk_id)


def test_a_failing_snapshot_fails_its_machine_alone_and_the_next_run_succeeds(
    house: House,
) -> None:
    good = house.smallest_machine()
    bad = house.largest_machine()
    contents = [write_noise(house, m.disk_ids[0], 4 * MIB, 13) for m in (good, bad)]
    policy = house.policy("both", [good, bad])
    before = house.snapshots()
    house.control.add_fault(
        method="PUT", path="/snapshots/", failOperation="SnapshotFailed", times=None
    )
    snapshots, backup = house.run_policy(policy)
    with pytest.raises(WorkFailed, match="SnapshotFailed"):
        house.client.wait(snapshots)
    with pytest.raises(WorkFailed):
        house.client.wait(backup)
    house.control.clear_faults()
    assert house.snapshots() == before

    for session_id in house.run_policy(policy):
        house.client.wait(session_id)
    contents = [change(house, content, 0, MIB, 14) for content in contents]
    for session_id in house.run_policy(policy):
        house.client.wait(session_id)
    for number, content in enumerate(contents):
        machine = (good, bad)[number]
        disk_id = house.restore_disk_elsewhere(machine, content.disk_id, f"after-failure-{number}")
        assert is_on_disk(house, content, disk_id)


def test_a_denied_machine_says_which_right_is_missing_and_leaves_the_others_alone(
    house: House,
) -> None:
    good, other = house.smallest_machine(), house.largest_machine()
    name = other.azure_id.rsplit("/", 1)[-1]
    house.control.add_fault(
        method="GET",
        path=f"/virtualMachines/{name}$",
        status=403,
        code="AuthorizationFailed",
        times=None,
    )
    snapshots, _ = house.run_policy(house.policy("both", [good, other]))
    with pytest.raises(WorkFailed, match="AuthorizationFailed"):
        house.client.wait(snapshots)
    items = house.client.get(f"/jobSessions/{snapshots}/protectedItems", Limit=-1)["results"]
    outcome = {item["resource"]["id"]: item["successCount"] for item in items}
    assert outcome == {good.id: 1, other.id: 0}


def test_a_machine_whose_last_backup_was_taken_away_is_backed_up_in_full(
    house: House, machine: Machine
) -> None:
    content = write_noise(house, machine.disk_ids[0], 24 * MIB, 300)
    policy = house.policy("daily", [machine])
    for session_id in house.run_policy(policy):
        house.client.wait(session_id)
    for container in house.containers():
        for name in list(container.list_blob_names()):
            if "/points/" in name or "/sessions/" in name:
                container.delete_blob(name)
    content = change(house, content, MIB, MIB, 301)

    for session_id in house.run_policy(policy):
        house.client.wait(session_id)

    disk_id = house.restore_disk_elsewhere(machine, machine.disk_ids[0], "after-the-theft")
    assert is_on_disk(house, content, disk_id)
