"""The plug is pulled at a request of each kind that changes something; the restore ends right.

The lab holds one request, either before it is applied or after it was applied and before it is
answered. Then the appliance is killed and started again: the whole process tree, the parent alone
(its data mover has to notice), or the data mover alone. The session has to end ``Success`` without
help, with the right bytes and with nothing left behind. `test_kill_sweep` does so at every request.
"""

from __future__ import annotations

import pytest

from support.kill_stage import Hold, Stage, Victim

REQUESTS = [
    pytest.param("PUT", "/disks/", "after", "tree", id="a disk is made, unanswered"),
    pytest.param("POST", "/beginGetAccess", "before", "tree", id="access is not granted yet"),
    pytest.param("PUT", "^/md-", "after", "tree", id="pages are written, unanswered"),
    pytest.param("PUT", "^/md-", "before", "parent", id="the parent dies while pages are written"),
    pytest.param("PUT", "^/md-", "after", "mover", id="the mover dies while pages are written"),
    pytest.param("POST", "/endGetAccess", "after", "tree", id="the upload is finished, unanswered"),
    pytest.param("PUT", "/networkInterfaces/", "after", "tree", id="the interface is made"),
    pytest.param("PUT", "/virtualMachines/", "after", "tree", id="the machine is made, unanswered"),
    pytest.param("POST", "/deallocate", "after", "tree", id="the machine is switched off"),
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
