"""A worker freezes for longer than its lease: another one finishes, and waking up does no harm."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support.disk_contents import MIB, is_on_disk, write_noise
from support.house import House, Program, running_house, wait_until

TAKEOVER_SECONDS = 30


@pytest.mark.postgres
def test_a_frozen_worker_is_replaced_and_its_awakening_changes_nothing(
    tmp_path: Path, postgresql_url: str
) -> None:
    with running_house(tmp_path, KYANITE_DATABASE_URL=postgresql_url) as house:
        house.connect()
        worker = Program(
            ["worker"],
            {**house.settings, "KYANITE_MASTER_KEY_FILE": str(house.data / "master.key")},
            house.folder / "worker.log",
        )
        worker.start()
        try:
            _freeze_the_one_at_work(house, worker)
        finally:
            worker.kill_tree()


def _freeze_the_one_at_work(house: House, worker: Program) -> None:
    machine = house.smallest_machine()
    content = write_noise(house, machine.disk_ids[0], 48 * MIB, 41)
    house.control.add_fault(method="GET", path="^/md-", times=None, totalBytesPerSecond=6 * MIB)
    _, backup = house.run_policy(house.policy("frozen", [machine]))
    wait_until(lambda: bool(house.program.movers or worker.movers), 60)
    frozen = house.program if house.program.movers else worker
    family = [frozen.pid, *(mover.pid for mover in frozen.movers)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    house.control.clear_faults()
    if frozen is house.program:
        # The API sleeps with it; the other worker goes on all the same.
        wait_until(lambda: bool(worker.movers), TAKEOVER_SECONDS)
        wait_until(lambda: not worker.movers, 60)
        for pid in family:
            os.kill(pid, signal.SIGCONT)
        house.client.wait(backup)
    else:
        house.client.wait(backup)
        for pid in family:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not frozen.movers, 60)
    session = house.client.get(f"/jobSessions/{backup}")
    assert session["status"] == "Success"
    points = house.client.get(
        "/restorePoints/virtualMachines", VirtualMachineId=machine.id, Limit=-1
    )["results"]
    assert [p["backupDestination"] for p in points].count("AzureBlob") == 1
    disk_id = house.restore_disk_elsewhere(machine, machine.disk_ids[0], "check")
    assert is_on_disk(house, content, disk_id)
    assert house.leftovers() == []
