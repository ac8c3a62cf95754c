"""What was answered is kept: the appliance is killed right after an answer, and started again.

That sessions go on is told by the journeys with kills.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import running_house
from support.lasting_azure import WITH_AZURE
from support.lasting_writes import PEOPLE, SETTINGS
from support.postgresql import create_database, drop_database
from support.restarted import Restarted

WRITES = [*PEOPLE, *SETTINGS, *WITH_AZURE]


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=(pytest.mark.postgres, pytest.mark.slow))]
)
def restarted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Restarted]:
    """A signed-in appliance with a lab, on either database."""
    if request.param == "sqlite":
        with running_house(tmp_path) as house:
            yield Restarted(house)
        return
    server: str = request.getfixturevalue("postgresql_url")
    name = f"restart_{tmp_path.name}"
    with running_house(tmp_path, KYANITE_DATABASE_URL=create_database(server, name)) as house:
        yield Restarted(house)
    drop_database(server, name)


def test_everything_that_was_answered_is_there_after_a_kill(restarted: Restarted) -> None:
    written = [(write, write.do(restarted)) for write in WRITES]
    restarted.kill_and_start()
    assert [write.name for write, what in written if not write.holds(restarted, what)] == []


@pytest.mark.slow
def test_each_answer_holds_when_the_kill_follows_at_once(restarted: Restarted) -> None:
    lost = []
    for write in WRITES:
        what = write.do(restarted)
        restarted.kill_and_start()
        if not write.holds(restarted, what):
            lost.append(write.name)
    assert lost == []
