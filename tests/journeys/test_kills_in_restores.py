"""The plug is pulled at a request of each kind that changes something; the restore ends right.

The lab holds one request, either before it is applied or after it was applied and before it is
answered. Then the appliance is killed and started again: the whole process tree, the parent alone
(its data mover has to notice), or the data mover alone. The session has to end ``Success`` without
help, with the right bytes and with nothing left behind. `test_kill_sweep` does so at every request.
"""

from __future__ import annotations

import pytest

from support.disk_contents import MIB, is_on_disk, write_noise
from support.kill_stage import Hold, Stage, Victim
from support.waiting import eventually

# As long as a quick run may last: `test_kill_sweep` has these too.
LATER = pytest.mark.slow
REQUESTS = [
    pytest.param("PUT", "/disks/", "after", "tree", id="a disk is made, unanswered"),
    pytest.param(
        "POST", "/beginGetAccess", "before", "tree", id="access is not granted yet", marks=LATER
    ),
    pytest.param("PUT", "^/md-", "after", "tree", id="pages are written, unanswered"),
    pytest.param("PUT", "^/md-", "before", "parent", id="the parent dies while pages are written"),
    pytest.param("PUT", "^/md-", "after", "mover", id="the mover dies while pages are written"),
    pytest.param(
        "POST",
        "/endGetAccess",
        "after",
        "tree",
        id="the upload is finished, unanswered",
        marks=LATER,
    ),
    pytest.param(
        "PUT", "/networkInterfaces/", "after", "tree", id="the interface is made", marks=LATER
    ),
    pytest.param("PUT", "/virtualMachines/", "after", "tree", id="the machine is made, unanswered"),
    pytest.param(
        "POST", "/deallocate", "after", "tree", id="the machine is switched off", marks=LATER
    ),
    pytest.param("PATCH", "/virtualMachines/", "after", "tree", id="the last mark is gone"),
]


@pytest.mark.parametrize(("method", "path", "hold", "victim"), REQUESTS)
def test_a_restore_survives_a_kill(
    stage: Stage, method: str, path: str, hold: Hold, victim: Victim
) -> None:
    house = stage.house
    house.lose(stage.machine)
    stage.hold(method, path, hold)
    session_id = house.restore(house.newest_backup(stage.machine))
    assert stage.wait_for_held()
    stage.kill(victim)
    house.client.wait(session_id)
    assert stage.is_on_disks()
    assert house.leftovers() == []


@pytest.mark.parametrize("victim", ["tree", pytest.param("mover", marks=pytest.mark.slow)])
def test_a_disk_that_is_whole_is_not_written_again_after_a_kill(
    stage: Stage, victim: Victim
) -> None:
    house = stage.house
    machine = house.machine("bench-01")
    contents = []
    for number, disk_id in enumerate(machine.disk_ids):
        size_gib = house.guests.get(disk_id)["properties"]["diskSizeGB"]
        house.control.discard_disk(disk_id, 0, size_gib << 30)
        contents.append(write_noise(house, disk_id, (1, 16)[number] * MIB, 60 + number))
    point_id = house.back_up(machine)
    house.lose(machine)
    # One after the other is written: there is time to look at the second.
    house.control.add_fault(method="PUT", path="^/md-", totalBytesPerSecond=4 * MIB)
    session_id = house.restore(point_id)

    def first_is_known_to_be_whole() -> bool:
        log = house.client.get(f"/jobSessions/{session_id}/log")["log"]
        return any("bench-01-os is written" in line["message"] for line in log)

    eventually(first_is_known_to_be_whole, within_seconds=60, what=house.program.output)
    before = house.control.last_request()
    stage.kill(victim)
    house.client.wait(session_id)
    # A disk that is to be written again has to be made again.
    made_again = [
        line.path
        for line in house.control.journal(before)
        if line.method == "PUT" and "/disks/" in line.path
    ]
    assert not [path for path in made_again if path.endswith("bench-01-os")]
    written = sum(
        line.bytes_in
        for line in house.control.journal(before)
        if line.operation == "PutPage" and line.status == 201
    )
    assert written > MIB, "the second disk was whole as well"
    assert all(is_on_disk(house, content) for content in contents)
    assert house.leftovers() == []
