"""The plug is pulled at every request that changes something; the work still ends right.

The lab holds one request, either before it is applied or after it was applied and before it is
answered. Then the whole process tree of the appliance is killed and started again. The session
has to end ``Success`` without help, with the right bytes and with nothing left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.disk_contents import MIB, Content, change, is_on_disk, write_noise
from support.house import House, Machine, running_house, wait_until

HELD_SECONDS = 60
END_SECONDS = 120


@dataclass
class Stage:
    """A house with one protected machine, used by all the kills of a module."""

    house: House
    machine: Machine
    policy_id: str
    content: Content
    round: int = 0

    def next_change(self) -> None:
        """The guest changes a MiB, so that there is something to back up."""
        self.round += 1
        offset = self.round % 8 * MIB
        self.content = change(self.house, self.content, offset, MIB, 1000 + self.round)
        # Azure allows seven snapshots of a disk in five minutes.
        self.house.advance(301)

    def kill_when_held(self) -> bool:
        """Kill the appliance when the lab holds the request; whether it came to that.

        False when the session ended before such a request was made.
        """
        wait_until(lambda: self._is_held() or self._nothing_runs(), HELD_SECONDS)
        held = self._is_held()
        self.house.program.kill_tree()
        self.house.control.clear_faults()
        self.house.start()
        return held

    def hold(self, method: str, path: str, hold: str, skip: int = 0) -> None:
        """Let the lab hold a request."""
        self.house.control.add_fault(method=method, path=path, hold=hold, skip=skip, times=1)

    def _is_held(self) -> bool:
        return any(fault.get("held") for fault in self.house.control.faults())

    def _nothing_runs(self) -> bool:
        running = self.house.client.get("/jobSessions", Status=["Pending", "Running"], Limit=1)
        return bool(running["totalCount"] == 0)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("kills")
    with running_house(folder) as house:
        house.connect()
        machine = house.smallest_machine()
        content = write_noise(house, machine.disk_ids[0], 8 * MIB, 5)
        policy_id = house.policy("daily", [machine])
        for session_id in house.run_policy(policy_id):
            house.client.wait(session_id)
        yield Stage(house, machine, policy_id, content)


BACKUP_REQUESTS = [
    pytest.param("PUT", "/snapshots/", "before", id="a snapshot is not taken yet"),
    pytest.param("PUT", "/snapshots/", "after", id="a snapshot is taken, unanswered"),
    pytest.param("POST", "/beginGetAccess", "after", id="access is granted, unanswered"),
    pytest.param("PUT", "/sessions/", "after", id="the writing session is open, unanswered"),
    pytest.param("PUT", "/packs/", "before", id="a pack is not stored yet"),
    pytest.param("PUT", "/packs/", "after", id="a pack is stored, unanswered"),
    pytest.param("PUT", "/index/", "after", id="an index segment is stored, unanswered"),
    pytest.param("PUT", "/points/", "before", id="the point is not committed yet"),
    pytest.param("PUT", "/points/", "after", id="the point is committed, unanswered"),
    pytest.param("POST", "/endGetAccess", "before", id="access is not revoked yet"),
    pytest.param("DELETE", "/snapshots/", "after", id="the old snapshot is deleted, unanswered"),
]

RESTORE_REQUESTS = [
    pytest.param("PUT", "/disks/", "after", id="a disk is made, unanswered"),
    pytest.param("POST", "/beginGetAccess", "before", id="access is not granted yet"),
    pytest.param("PUT", "^/md-", "after", id="pages are written, unanswered"),
    pytest.param("POST", "/endGetAccess", "after", id="the upload is finished, unanswered"),
    pytest.param("PUT", "/networkInterfaces/", "after", id="the interface is made, unanswered"),
    pytest.param("PUT", "/virtualMachines/", "before", id="the machine is not made yet"),
    pytest.param("PUT", "/virtualMachines/", "after", id="the machine is made, unanswered"),
    pytest.param("POST", "/deallocate", "after", id="the machine is switched off, unanswered"),
    pytest.param("PATCH", "/disks/", "before", id="the mark is still on the disk"),
]


@pytest.mark.parametrize(("method", "path", "hold"), BACKUP_REQUESTS)
def test_a_backup_survives_a_kill(stage: Stage, method: str, path: str, hold: str) -> None:
    house = stage.house
    stage.next_change()
    stage.hold(method, path, hold)
    sessions = house.run_policy(stage.policy_id)
    assert stage.kill_when_held()
    for session_id in sessions:
        house.client.wait(session_id)
    assert house.leftovers() == []
    name = f"kill-{stage.round}"
    disk_id = house.restore_disk_elsewhere(stage.machine, stage.machine.disk_ids[0], name)
    assert is_on_disk(house, stage.content, disk_id)
    house.guests.delete(disk_id)


@pytest.mark.parametrize(("method", "path", "hold"), RESTORE_REQUESTS)
def test_a_restore_survives_a_kill(stage: Stage, method: str, path: str, hold: str) -> None:
    house = stage.house
    stage.next_change()
    for session_id in house.run_policy(stage.policy_id):
        house.client.wait(session_id)
    house.lose(stage.machine)
    stage.hold(method, path, hold)
    session_id = house.restore(house.newest_backup(stage.machine))
    assert stage.kill_when_held()
    house.client.wait(session_id)
    assert is_on_disk(house, stage.content)
    assert house.leftovers() == []
