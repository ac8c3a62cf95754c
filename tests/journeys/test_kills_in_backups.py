"""The plug is pulled at a request of each kind that changes something; the backup ends right.

The lab holds one request, either before it is applied or after it was applied and before it is
answered. Then the appliance is killed and started again: the whole process tree, the parent alone
(its data mover has to notice), or the data mover alone. The session has to end ``Success`` without
help, with the right bytes and with nothing left behind. `test_kill_sweep` does so at every request.
"""

from __future__ import annotations

import pytest

from support.kill_stage import Hold, Stage, Victim

# As long as a quick run may last: `test_kill_sweep` has these too.
LATER = pytest.mark.slow
REQUESTS = [
    pytest.param("PUT", "/snapshots/", "after", "tree", id="a snapshot is taken, unanswered"),
    pytest.param(
        "POST", "/beginGetAccess", "after", "tree", id="access is granted, unanswered", marks=LATER
    ),
    pytest.param(
        "PUT", "/sessions/", "after", "tree", id="the session is open, unanswered", marks=LATER
    ),
    pytest.param("PUT", "/packs/", "before", "tree", id="a pack is not stored yet"),
    pytest.param("PUT", "/packs/", "before", "parent", id="the parent dies while a pack goes up"),
    pytest.param("PUT", "/packs/", "after", "mover", id="the mover dies while a pack goes up"),
    pytest.param(
        "PUT", "/index/", "after", "tree", id="an index segment is stored, unanswered", marks=LATER
    ),
    pytest.param("PUT", "/points/", "after", "tree", id="the point is committed, unanswered"),
    pytest.param("POST", "/endGetAccess", "before", "tree", id="access is not revoked yet"),
    pytest.param(
        "DELETE", "/snapshots/", "after", "tree", id="the old snapshot is deleted", marks=LATER
    ),
]


@pytest.mark.parametrize(("method", "path", "hold", "victim"), REQUESTS)
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


def states(stage: Stage) -> set[str]:
    """Of all snapshots: whether anybody can get at their bytes."""
    guests = stage.house.guests
    return {guests.get(found)["properties"]["diskState"] for found in stage.house.snapshots()}


@pytest.mark.slow
def test_a_backup_that_cannot_go_on_after_a_kill_leaves_no_access_to_snapshots(
    stage: Stage,
) -> None:
    stage.change()
    stage.let_snapshots_be_taken()
    stage.hold("PUT", "/packs/", "before")
    _, backup = stage.begin_backup()
    assert stage.wait_for_held()
    stage.house.program.kill_tree()
    stage.house.control.clear_faults()
    stage.house.control.add_fault(path="/first(/|$)", status=403, code="AuthorizationFailure")
    assert "ActiveSAS" in states(stage)
    stage.house.start()
    assert stage.house.end_of(backup)["status"] == "Error"
    assert stage.house.leftovers() == []
    stage.house.control.clear_faults()
    stage.back_up()
    assert stage.is_backed_up()
