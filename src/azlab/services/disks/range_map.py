"""Which sectors of a disk are in which state: the memory of the page store.

A map is a step function over sectors of 512 bytes. It is kept as two parallel lists, the
sector where a run starts and the state of that run, so that a lookup is a bisection and a
map of a mostly empty tebibyte holds a handful of numbers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

ABSENT = 0
"""Nothing was ever said about the sectors here: look below, or read zeros."""


class Run(NamedTuple):
    """Neighbouring sectors in one state; ``end`` is exclusive."""

    start: int
    end: int
    state: int


class RangeMap:
    """A step function from sectors to small integers; everything starts ``ABSENT``.

    Neighbouring runs never have the same state. Not thread-safe: the owner locks.
    """

    __slots__ = ("_starts", "_states")

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._starts: list[int] = [0]
        self._states: list[int] = [ABSENT]
        for run in runs:
            self.assign(run.start, run.end, run.state)

    def __len__(self) -> int:
        """The number of runs, gaps included."""
        return len(self._starts)

    def assign(self, start: int, end: int, state: int) -> None:
        """Give the sectors ``start <= s < end`` a state."""
        if not 0 <= start <= end:
            raise ValueError(f"The sectors {start} to {end} are not a range.")
        if start == end:
            return
        starts, states = self._starts, self._states
        first = bisect_left(starts, start)  # runs from here on start inside or behind
        last = bisect_right(starts, end) - 1  # the run that holds the sector ``end``
        state_behind = states[last]
        new_starts: list[int] = []
        new_states: list[int] = []
        state_before = states[first - 1] if first else None
        if state_before != state:
            new_starts.append(start)
            new_states.append(state)
        upto = last + 1
        if state_behind != state:
            new_starts.append(end)
            new_states.append(state_behind)
        starts[first:upto] = new_starts
        states[first:upto] = new_states

    def runs(self, start: int, end: int) -> Iterator[Run]:
        """All runs that meet ``start <= s < end``, clipped to it, gaps as ``ABSENT``."""
        if start >= end:
            return
        index = bisect_right(self._starts, start) - 1
        count = len(self._starts)
        while start < end:
            stop = self._starts[index + 1] if index + 1 < count else end
            stop = min(stop, end)
            yield Run(start, stop, self._states[index])
            start = stop
            index += 1

    def present(self) -> Iterator[Run]:
        """All runs that have a state, in order."""
        count = len(self._starts)
        for index in range(count - 1):  # the last run reaches to infinity and is absent
            if self._states[index] != ABSENT:
                yield Run(self._starts[index], self._starts[index + 1], self._states[index])

    def copy(self) -> RangeMap:
        """An independent map with the same content."""
        twin = RangeMap()
        twin._starts = self._starts.copy()
        twin._states = self._states.copy()
        return twin


def after_all(runs: Sequence[Run]) -> RangeMap:
    """The map that assigning the runs one after another gives.

    One sweep from the first sector to the last, so that a long journal of scattered writes
    takes n log n: assigning in the order of the journal would move the lists n times.
    """
    found = RangeMap()
    order = sorted(range(len(runs)), key=lambda index: runs[index].start)
    covering: list[tuple[int, int, int]] = []  # (-index, end, state): the latest run first
    position = following = 0
    while following < len(order) or covering:
        if not covering:
            position = runs[order[following]].start
        while following < len(order) and runs[order[following]].start <= position:
            index = order[following]
            heappush(covering, (-index, runs[index].end, runs[index].state))
            following += 1
        while covering and covering[0][1] <= position:
            heappop(covering)
        if not covering:
            continue
        _, stop, state = covering[0]
        if following < len(order):
            stop = min(stop, runs[order[following]].start)
        found.assign(position, stop, state)
        position = stop
    return found
