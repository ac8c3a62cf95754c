"""The repository is the truth; what an appliance knows of it is a copy that may be lost or old."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.shape import differences, shape_of
from demo.web import Refused
from support.disk_contents import MIB, change, file_systems, is_on_disk, write_noise
from support.house import House
from support.waiting import eventually


def test_a_new_appliance_brings_back_a_machine_that_only_a_repository_knows(house: House) -> None:
    machine = house.largest_machine()
    contents = [
        write_noise(house, disk_id, 6 * MIB, 700 + seed)
        for seed, disk_id in enumerate(machine.disk_ids)
    ]
    _run(house, house.policy("lost", [machine]))
    points = _points(house)
    protected = house.client.get(f"/protectedItem/virtualMachines/{machine.id}")
    shape = shape_of(house.guests, machine.azure_id)
    heads = file_systems(house, machine)

    house.lose_appliance()
    house.lose(machine)
    house.start()
    house.save_account()
    assert list(house.client.everything("/restorePoints/virtualMachines")) == []
    with pytest.raises(Refused, match="password"):
        house.import_repository("first", "not its password")
    assert house.import_repository("first") == "Warning", "it belongs to the appliance of before"

    assert _points(house) == points
    found = house.client.get(f"/protectedItem/virtualMachines/{machine.id}")
    for member in ("name", "azureId", "regionId", "osType", "vmSize", "resourceGroup"):
        assert found.get(member) == protected.get(member), member
    house.client.wait(house.restore(house.newest_backup(machine), start=True))
    assert all(is_on_disk(house, content) for content in contents)
    assert file_systems(house, machine) == heads
    assert differences(shape, shape_of(house.guests, machine.azure_id)) == []

    house.client.post("/virtualMachines/rescan", {"regionIds": [machine.region]})
    machine = house.machine(found["name"])
    with pytest.raises(Refused, match="another appliance"):
        house.policy("not yet", [machine])

    house.take_over()
    contents = [change(house, content, 2 * MIB, MIB, 702) for content in contents]
    _run(house, house.policy("found", [machine]))
    for content in contents:
        disk_id = house.restore_disk_elsewhere(
            machine, content.disk_id, f"{content.disk_id[-4:]}-n"
        )
        assert is_on_disk(house, content, disk_id)


@pytest.mark.slow
def test_a_folder_put_back_from_before_the_last_runs_finds_what_they_made(house: House) -> None:
    machine = house.smallest_machine()
    before = house.leftovers()
    content = write_noise(house, machine.disk_ids[0], 16 * MIB, 710)
    policy = house.policy("put back", [machine])
    _run(house, policy)
    first = house.newest_backup(machine)
    house.program.kill_tree()
    house.copy_data("before the last runs")
    house.start()
    for seed in (711, 712):
        content = change(house, content, seed % 8 * MIB, MIB, seed)
        _run(house, policy)
    second, third = house.backups(machine)[1], house.backups(machine)[0]
    house.client.wait(house.client.delete(f"/restorePoints/virtualMachines/{first}")["id"])
    assert house.backups(machine) == [third, second]
    stored = house.stored_objects()

    house.put_back("before the last runs")
    house.start()
    eventually(lambda: house.backups(machine) == [third, second], within_seconds=30)
    house.wait_until_idle()
    assert house.stored_objects() == stored, "a look writes nothing"
    assert is_on_disk(
        house, content, house.restore_disk_elsewhere(machine, machine.disk_ids[0], "third")
    )

    content = change(house, content, 5 * MIB, MIB, 713)
    _, backup = _run(house, policy)
    assert len(house.backups(machine)) == 3
    assert "is gone" in house.log_of(backup), "nothing is compared with a snapshot of before"
    assert is_on_disk(
        house, content, house.restore_disk_elsewhere(machine, machine.disk_ids[0], "fourth")
    )
    assert house.leftovers() == before, "snapshots that nobody knows have ended"
    assert {name for name in stored if "/packs/" in name} <= house.stored_objects()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["snapshots", "transfer"])
def test_a_folder_put_back_from_the_middle_of_a_run_does_not_mistake_one_run_for_another(
    house: House, moment: str
) -> None:
    machine = house.smallest_machine()
    before = house.leftovers()
    content = write_noise(house, machine.disk_ids[0], 16 * MIB, len(moment))
    policy = house.policy("middle", [machine])
    _run(house, policy)
    content = change(house, content, 0, MIB, 721 + len(moment))
    path = "/snapshots/kyanite-" if moment == "snapshots" else "/packs/"
    house.control.add_fault(method="PUT", path=path, hold="before", times=1)
    sessions = house.run_policy(policy)
    eventually(lambda: any(f.get("held") for f in house.control.faults()), within_seconds=60)
    house.program.kill_tree()
    house.control.clear_faults()
    house.copy_data(f"in the middle of {moment}")
    house.start()
    for session_id in sessions:
        house.client.wait(session_id)
    content = change(house, content, 2 * MIB, MIB, 722)
    house.let_snapshots_be_taken()
    for _ in range(2):
        _run(house, policy)
    known = house.backups(machine)

    house.put_back(f"in the middle of {moment}")
    house.let_snapshots_be_taken()
    content = change(house, content, 4 * MIB, MIB, 723)
    house.start()
    for session_id in sessions:
        house.end_of(session_id)
    eventually(lambda: set(known) <= set(house.backups(machine)), within_seconds=30)
    content = change(house, content, 6 * MIB, MIB, 724)
    for number in range(2):
        content = change(house, content, 8 * MIB, MIB, 725 + number)
        _run(house, policy)
        disk_id = house.restore_disk_elsewhere(machine, machine.disk_ids[0], f"{moment}-{number}")
        assert is_on_disk(house, content, disk_id)
    assert house.leftovers() == before


@pytest.mark.slow
def test_of_two_appliances_on_one_folder_only_the_one_that_took_it_over_writes(
    house: House, tmp_path: Path
) -> None:
    machine = house.smallest_machine()
    content = write_noise(house, machine.disk_ids[0], 8 * MIB, 730)
    policy = house.policy("of the first", [machine])
    _run(house, policy)
    point = house.newest_backup(machine)
    first_repository = house.repository_id
    second = House(tmp_path, house.lab)
    try:
        second.start()
        second.save_account()
        assert second.import_repository("first") == "Warning"
        with pytest.raises(Refused, match="another appliance"):
            second.policy("not yet", [machine])

        # The first is in the middle of a backup when the second takes over.
        content = change(house, content, MIB, MIB, 731)
        house.let_snapshots_be_taken()
        house.control.add_fault(method="PUT", path="/packs/", hold="before", times=1)
        _, running = house.run_policy(policy)
        eventually(lambda: any(f.get("held") for f in house.control.faults()), within_seconds=60)
        second.take_over()
        house.control.clear_faults()
        assert house.end_of(running)["status"] == "Error"
        assert "belongs to the appliance" in house.log_of(running)
        ownership = house.client.get(f"/repositories/{first_repository}")["repositoryOwnership"]
        assert ownership["hasAnotherOwner"] is True
        assert house.backups(machine)[0] == point, "what could not commit is no point"

        # From now on the first writes nothing, and deletes nothing.
        stored = house.stored_objects()
        house.let_snapshots_be_taken()
        _, later = house.run_policy(policy)
        assert house.end_of(later)["status"] == "Error"
        deletion = house.client.delete(f"/restorePoints/virtualMachines/{point}")
        assert house.end_of(deletion["id"])["status"] == "Error"
        assert house.stored_objects() == stored

        # The second goes on from where the first was.
        policy_of_second = second.policy("of the second", [machine])
        assert point in second.backups(machine)
        house.let_snapshots_be_taken()
        _run(second, policy_of_second)
        assert is_on_disk(
            house, content, second.restore_disk_elsewhere(machine, machine.disk_ids[0], "second")
        )

        # And the first may take it back as knowingly.
        house.take_over()
        assert set(second.backups(machine)) <= set(house.backups(machine))
        _, refused = second.run_policy(policy_of_second)
        assert second.end_of(refused)["status"] == "Error"
    finally:
        second.program.kill_tree()


def _run(house: House, policy_id: str) -> list[str]:
    house.let_snapshots_be_taken()
    sessions = house.run_policy(policy_id)
    for session_id in sessions:
        house.client.wait(session_id)
    return sessions


def _points(house: House) -> list[dict[str, object]]:
    """What is shown of the backups of all machines."""
    members = ("id", "vmId", "pointInTime", "type", "backupSizeBytes", "gfsFlags", "policyName")
    return [
        {member: point.get(member) for member in members}
        for point in house.client.everything("/restorePoints/virtualMachines")
        if point["backupDestination"] == "AzureBlob"
    ]
