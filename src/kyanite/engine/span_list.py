"""The list of a span as the parent point has it, with its cuts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from kyanite.engine.pages import Entry


class SpanList:
    """``entries`` from ``start`` of the disk on."""

    def __init__(self, start: int, entries: Sequence[Entry]) -> None:
        self.start = start
        self.entries = entries
        self._borders = list(accumulate((entry.length for entry in entries), initial=start))

    @property
    def end(self) -> int:
        return self._borders[-1]

    def number_at(self, offset: int) -> int:
        """Which entry holds ``offset``."""
        return bisect_right(self._borders, offset) - 1

    def border(self, number: int) -> int:
        """Where an entry begins."""
        return self._borders[number]

    def entry_at(self, offset: int) -> tuple[Entry, int]:
        """The entry that holds ``offset``, and how much of it follows from there."""
        number = self.number_at(offset)
        return self.entries[number], self._borders[number + 1] - offset
