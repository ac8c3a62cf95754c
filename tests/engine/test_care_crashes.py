"""Repairing, rebuilding, merging and remembering that die, or meet trouble at any one call."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from kyanite.base.errors import Conflict, EngineError, StorageError
from kyanite.base.units import KIB
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import back_up_disk
from support.everything import THRIFTY, Everything

_SMALL_SEGMENTS = 9  # one more than an index may have


@pytest.fixture(scope="module")
def everything() -> Everything:
    made = Everything()
    for number in range(_SMALL_SEGMENTS):
        contents = random.Random(number).randbytes(5 * KIB)
        point = back_up_disk(made.repository, contents, machine=f"small {number}").point
        made.add(point.session_id, contents)
    return made


def _remember(repository: Repository) -> None:
    repository.remember(repository.verify(Level.FULL))


FLOWS: dict[str, Callable[[Repository], object]] = {
    "repair": repair,
    "rebuild": Repository.rebuild_index,
    "merge": Repository.tidy_index,
    "remember": _remember,
}


def _try_all(everything: Everything, flow: str, moment: Moment, dead: bool, step: int) -> None:
    act = FLOWS[flow]
    failures = 0
    for number in range(1, 10_000, step):
        storage = everything.storage.copy()
        faulty = FaultyStorage(storage, number, moment, dead=dead, operations=ALL_CALLS)
        try:
            act(Repository.open_with_master(faulty, everything.repository.master_key))
        except (StorageError, EngineError, Conflict):
            failures += 1
        assert everything.serves(storage) == everything.expected.keys(), number
        act(everything.open(storage))
        _check(everything, storage)
        if faulty.seen < number:
            break
    assert failures > 1


def _check(everything: Everything, storage: MemoryStorage) -> None:
    """All points are right, and cleaning finds everything that was left over."""
    repository = everything.open(storage)
    assert everything.report(storage) == ""
    for session_id in repository.open_sessions():
        repository.abandon_session(session_id)
    for _ in range(2):
        repository.clean(whole=True, rules=THRIFTY)
    assert everything.serves(storage) == everything.expected.keys()
    assert everything.report(storage) == ""
    repository.delete_points(list(everything.expected))
    for _ in range(3):
        repository.clean(whole=True, rules=THRIFTY)
    left = {info.name.split("/")[0] for info in storage.list("")}
    assert left <= {"keys", "repository", "rings", "verified", "ledger"}


@pytest.mark.parametrize("dead", [True, False], ids=["dies", "fails once"])
@pytest.mark.parametrize("flow", ["repair", "rebuild", "merge"])
def test_trouble_at_some_calls_loses_nothing_and_the_next_run_ends_right(
    everything: Everything, flow: str, dead: bool
) -> None:
    _try_all(everything, flow, Moment.AFTER, dead, 29)


@pytest.mark.slow
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("dead", [True, False], ids=["dies", "fails once"])
@pytest.mark.parametrize("flow", FLOWS)
def test_trouble_at_every_single_call_loses_nothing_and_the_next_run_ends_right(
    everything: Everything, flow: str, dead: bool, moment: Moment
) -> None:
    _try_all(everything, flow, moment, dead, 1)
