"""A copy in trouble at any call of either storage, reads too, goes on where it was."""

from __future__ import annotations

from functools import cache

import pytest

from kyanite.base.errors import EngineError, StorageError
from kyanite.base.units import KIB
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import objects_of
from support.troubles import Trouble, each_trouble, never, some_of
from support.two_repositories import Pair

each_side = pytest.mark.parametrize("side", ["source", "destination"])


@cache
def _pair() -> Pair:
    return Pair(60 * KIB)


@each_side
@each_trouble
def test_a_copy_in_trouble_at_some_calls_goes_on_and_ends_right(
    side: str, trouble: Trouble
) -> None:
    _play(side, trouble, most=6)


@pytest.mark.slow
@each_side
@each_trouble
def test_a_copy_in_trouble_at_any_single_call_goes_on_and_ends_right(
    side: str, trouble: Trouble
) -> None:
    _play(side, trouble, most=5000)


def _play(side: str, trouble: Trouble, most: int) -> None:
    counted = _pair().again()
    sides = {side: never(_storage_of(counted, side))}
    counted.copy(**sides)
    calls = sides[side].seen
    assert calls > 20
    failed = 0
    for number in some_of(calls, most):
        pair = _pair().again()
        try:
            pair.copy(**{side: trouble.at(_storage_of(pair, side), number)})
        except (EngineError, StorageError):
            failed += 1
        pair.check_finished()
        pair.copy()
        pair.check()
        _check_what_is_left(pair)
    assert failed > 3


def _storage_of(pair: Pair, side: str) -> MemoryStorage:
    return pair.source_storage if side == "source" else pair.storage


def _check_what_is_left(pair: Pair) -> None:
    """Nothing is open; the source is as it was; cleaning finds every object without a use."""
    assert pair.destination.open_sessions() == []
    assert objects_of(pair.source_storage) == objects_of(_pair().source_storage)
    pair.destination.clean(whole=True)
    pair.check()
    pair.destination.delete_points([point.session_id for point in pair.destination.points()])
    for _ in range(2):
        pair.destination.clean(whole=True)
    left = [info.name.split("/")[0] for info in pair.storage.list("")]
    assert left == ["keys", "repository", "rings"]
