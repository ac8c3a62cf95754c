"""Restores while the machine still exists: it is replaced, and never lost on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.appliance import WorkFailed
from demo.shape import differences, shape_of
from support.disk_contents import MIB, change, is_on_disk, write_noise
from support.house import House, Machine, running_house
from support.stops import stop_in_time
from support.waiting import eventually

LOCKS_VERSION = "2020-05-01"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all stories; each has a machine of its own, or leaves it as it was."""
    with running_house(tmp_path_factory.mktemp("in-place")) as house:
        house.connect()
        yield house
        house.control.clear_faults()


class Protected:
    """A machine with noise on every disk, backed up, and changed afterwards."""

    def __init__(self, house: House, name: str, seed: int, size_bytes: int = 6 * MIB) -> None:
        self.machine = house.machine(name)
        self.saved = [
            write_noise(house, disk_id, size_bytes, seed + number)
            for number, disk_id in enumerate(self.machine.disk_ids)
        ]
        sessions = house.run_policy(house.policy(f"{name} {seed}", [self.machine]))
        for session_id in sessions:
            house.client.wait(session_id)
        self.shape = shape_of(house.guests, self.machine.azure_id)
        self.changed = [
            change(house, content, MIB, MIB, seed + 50 + number)
            for number, content in enumerate(self.saved)
        ]


def test_a_running_machine_is_replaced_by_what_it_was(house: House) -> None:
    # Its disks and its interface are deleted with it.
    protected = Protected(house, "bench-01", 100)
    machine = protected.machine
    identity = _unique_ids(house, machine)

    house.client.wait(house.restore(house.newest_backup(machine), start=True))

    assert all(is_on_disk(house, content) for content in protected.saved)
    assert differences(protected.shape, shape_of(house.guests, machine.azure_id)) == []
    assert house.power_state(machine) == "running"
    assert not identity & _unique_ids(house, machine)
    assert house.leftovers() == []


def test_a_machine_is_replaced_by_its_snapshot(house: House) -> None:
    protected = Protected(house, "shop-old", 200)
    machine = protected.machine
    points = house.client.get(
        "/restorePoints/virtualMachines", VirtualMachineId=machine.id, Limit=-1
    )["results"]
    snapshot = next(p["id"] for p in points if p["backupDestination"] == "Snapshot")

    house.client.wait(house.restore(snapshot))

    assert all(is_on_disk(house, content) for content in protected.saved)
    assert differences(protected.shape, shape_of(house.guests, machine.azure_id)) == []
    assert house.power_state(machine) == "deallocated"
    assert house.leftovers() == []


@pytest.mark.acceptance("virtual-machines", 11)
def test_disks_are_exchanged_at_their_machine_and_the_others_stay(house: House) -> None:
    protected = Protected(house, "shop-sql", 300)
    machine = protected.machine
    system, data, log = machine.disk_ids
    before = _positions(house, machine)

    session_id = house.restore_disks_in_place(house.newest_backup(machine), excluded=[data])
    house.client.wait(session_id)

    after = _positions(house, machine)
    assert [position[1:] for position in after] == [position[1:] for position in before]
    assert after[1] == before[1]
    assert is_on_disk(house, protected.saved[0], after[0][0])
    assert is_on_disk(house, protected.changed[1], after[1][0])
    assert is_on_disk(house, protected.saved[2], after[2][0])
    assert house.power_state(machine) == "running"
    names = {disk["id"].lower() for disk in _disks(house)}
    assert not {system.lower(), log.lower()} & names
    assert house.leftovers() == []
    items = house.client.get(f"/jobSessions/{session_id}/restoredItems")["results"]
    assert len(items) == 2


def test_a_copy_appears_at_a_new_place_with_a_new_name_size_and_subnet(house: House) -> None:
    protected = Protected(house, "shop-web", 400)
    machine = protected.machine
    subscription = machine.azure_id.split("/")[2]
    network = f"{machine.azure_id.partition('/providers/')[0]}/providers/Microsoft.Network"

    session_id = house.restore(
        house.newest_backup(machine),
        to={
            "name": "shop-web-copy",
            "resourceGroup": {"name": "backup"},
            "vmSizeName": "Standard_D4s_v5",
            "virtualNetwork": {"id": f"{network}/virtualNetworks/shop-net"},
            "subnet": {"name": "data"},
        },
    )
    house.client.wait(session_id)

    copy_id = (
        f"/subscriptions/{subscription}/resourceGroups/backup"
        "/providers/Microsoft.Compute/virtualMachines/shop-web-copy"
    )
    copy = shape_of(house.guests, copy_id)
    assert copy["machine"]["properties"]["hardwareProfile"]["vmSize"] == "Standard_D4s_v5"
    assert copy["machine"]["tags"] == protected.shape["machine"]["tags"]
    subnets = [
        configuration["properties"]["subnet"]["id"].rsplit("/", 1)[-1]
        for interface in copy["interfaces"]
        for configuration in interface["properties"]["ipConfigurations"]
    ]
    assert subnets == ["data"]
    assert is_on_disk(house, protected.saved[0], copy["disks"][0]["id"])
    assert is_on_disk(house, protected.changed[0])
    assert differences(protected.shape, shape_of(house.guests, machine.azure_id)) == []
    assert house.leftovers() == []


FAILURES = [
    pytest.param({"method": "POST", "path": "kyanite-restore-.*/beginGetAccess", "status": 403,
                  "code": "AuthorizationFailed"}, id="no access to the new disks"),
    pytest.param({"method": "DELETE", "path": "/virtualMachines/shop-files", "status": 403,
                  "code": "AuthorizationFailed"}, id="the machine may not be deleted"),
]  # fmt: skip


@pytest.fixture(scope="module")
def files(house: House) -> Protected:
    """A machine that no story of those who use it may change."""
    return Protected(house, "shop-files", 500, 24 * MIB)


@pytest.mark.acceptance("virtual-machines", 10)
@pytest.mark.parametrize("fault", FAILURES)
def test_a_failure_before_the_replacement_leaves_the_machine_as_it_is(
    house: House, files: Protected, fault: dict[str, object]
) -> None:
    house.control.add_fault(**fault)
    session_id = house.restore(house.newest_backup(files.machine))
    with pytest.raises(WorkFailed, match="AuthorizationFailed"):
        house.client.wait(session_id)
    house.control.clear_faults()
    _untouched(house, files)


@pytest.mark.measured
@pytest.mark.acceptance("virtual-machines", 10)
def test_a_stop_while_disks_are_written_removes_what_was_made(
    house: House, files: Protected
) -> None:
    house.control.add_fault(method="PUT", path="^/md-", totalBytesPerSecond=2 * MIB)
    written = house.control.operation("disks", "PutPage")["requests"]
    session_id = house.restore(house.newest_backup(files.machine))
    eventually(
        lambda: house.control.operation("disks", "PutPage")["requests"] > written,
        within_seconds=60,
        what=lambda: str(house.control.get("stats").json()),
    )
    stop_in_time(house, session_id)
    house.control.clear_faults()
    _untouched(house, files)


@pytest.mark.parametrize("what", ["the machine", "one of its disks"])
def test_nothing_is_begun_at_a_place_with_a_lock(house: House, files: Protected, what: str) -> None:
    machine = files.machine
    locked = machine.azure_id if what == "the machine" else machine.disk_ids[1]
    lock = f"{locked}/providers/Microsoft.Authorization/locks/keep?api-version={LOCKS_VERSION}"
    house.lab.azure.call("PUT", lock, {"properties": {"level": "CanNotDelete"}}).raise_for_status()
    try:
        for session_id in (
            house.restore(house.newest_backup(machine)),
            house.restore_disks_in_place(house.newest_backup(machine)),
        ):
            with pytest.raises(WorkFailed, match="has the lock keep"):
                house.client.wait(session_id)
    finally:
        house.lab.azure.call("DELETE", lock).raise_for_status()
    _untouched(house, files)


def _untouched(house: House, protected: Protected) -> None:
    machine = protected.machine
    assert all(is_on_disk(house, content) for content in protected.changed)
    assert differences(protected.shape, shape_of(house.guests, machine.azure_id)) == []
    assert house.power_state(machine) == "running"
    assert house.leftovers() == []


def _positions(house: House, machine: Machine) -> list[tuple[str, int | None, str]]:
    """Of each disk at a machine: its id, its LUN, its caching."""
    profile = house.guests.get(machine.azure_id)["properties"]["storageProfile"]
    return [
        (disk["managedDisk"]["id"], disk.get("lun"), disk["caching"])
        for disk in [profile["osDisk"], *profile["dataDisks"]]
    ]


def _unique_ids(house: House, machine: Machine) -> set[str]:
    ids = {house.guests.get(disk_id)["properties"]["uniqueId"] for disk_id in machine.disk_ids}
    return ids | {house.guests.get(machine.azure_id)["properties"]["vmId"]}


def _disks(house: House) -> list[dict[str, str]]:
    return [
        disk
        for subscription in house.lab.azure.subscription_ids
        for disk in house.guests.list(
            f"/subscriptions/{subscription}/providers/Microsoft.Compute/disks"
        )
    ]
