"""What may happen to a process at any one call of its storage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.wrapper import ALL_CALLS


@dataclass(frozen=True)
class Trouble:
    """``dead``: it is the last call that the process makes."""

    moment: Moment
    dead: bool

    def at(self, storage: Storage, call: int) -> FaultyStorage:
        """The storage with trouble at a call, counted from 1; reads count too. 0: never."""
        return FaultyStorage(storage, call, self.moment, dead=self.dead, operations=ALL_CALLS)


TROUBLES = {
    "stops before": Trouble(Moment.BEFORE, dead=True),
    "stops after": Trouble(Moment.AFTER, dead=True),
    "fails": Trouble(Moment.BEFORE, dead=False),
    "answer lost": Trouble(Moment.AFTER, dead=False),
}
each_trouble = pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)


def never(storage: Storage) -> FaultyStorage:
    """No trouble; ``seen`` counts the calls."""
    return TROUBLES["fails"].at(storage, 0)


def some_of(calls: int, most: int) -> Iterator[int]:
    """About ``most`` of the calls from the first to the last, evenly."""
    return iter(range(1, calls + 1, max(1, calls // most)))
