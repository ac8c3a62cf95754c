"""The plug is pulled at a request of each kind that changes something; the work still ends right.

The lab holds one request, either before it is applied or after it was applied and before it is
answered. Then the appliance is killed and started again: the whole process tree, the parent alone
(its data mover has to notice), or the data mover alone. The session has to end ``Success`` without
help, with the right bytes and with nothing left behind. `test_kill_sweep` does so at every request.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.kill_stage import Hold, Stage, Victim, running_stage


@pytest.fixture(scope="module")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("kills")) as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """The stage, with the plug in and no faults, however the test before has ended."""
    shared_stage.house.control.clear_faults()
    if not shared_stage.house.program.is_running:
        shared_stage.house.start()
    return shared_stage


BACKUP_REQUESTS = [
    pytest.param("PUT", "/snapshots/", "after", "tree", id="a snapshot is taken, unanswered"),
    pytest.param("POST", "/beginGetAccess", "after", "tree", id="access is granted, unanswered"),
    pytest.param("PUT", "/sessions/", "after", "tree", id="the session is open, unanswered"),
    pytest.param("PUT", "/packs/", "before", "tree", id="a pack is not stored yet"),
    pytest.param("PUT", "/packs/", "before", "parent", id="the parent dies while a pack goes up"),
    pytest.param("PUT", "/packs/", "after", "mover", id="the mover dies while a pack goes up"),
    pytest.param("PUT", "/index/", "after", "tree", id="an index segment is stored, unanswered"),
    pytest.param("PUT", "/points/", "after", "tree", id="the point is committed, unanswered"),
    pytest.param("POST", "/endGetAccess", "before", "tree", id="access is not revoked yet"),
    pytest.param("DELETE", "/snapshots/", "after", "tree", id="the old snapshot is deleted"),
]

RESTORE_REQUESTS = [
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


@pytest.mark.parametrize(("method", "path", "hold", "victim"), BACKUP_REQUESTS)
def test_a_backup_survives_a_kill(
    stage: Stage, method: str, path: str, hold: Hold, victim: Victim
) -> None:
    stage.change()
    stage.let_snapshots_be_taken()
    stage.hold(method, path, hold)
    sessions = stage.begin_backup()
    assert stage.wait_for_held()
    stage.kill(victim)
    for session_id in sessions:
        stage.house.client.wait(session_id)
    assert stage.house.leftovers() == []
    assert stage.is_backed_up()


@pytest.mark.parametrize(("method", "path", "hold", "victim"), RESTORE_REQUESTS)
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
