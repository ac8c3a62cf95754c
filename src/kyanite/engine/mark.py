"""Marking: which packs do points need? They say it themselves: no page is read.

A pack that a point names and that is not there stops the mark: cleaning with a hole in its
knowledge would delete what is needed.
"""

from __future__ import annotations

from collections.abc import Iterable

from kyanite.base.errors import Missing
from kyanite.engine.condemned import pack_of_name
from kyanite.engine.format import PACKS_PREFIX, text_of
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.point import Point
from kyanite.engine.storage.base import Storage


class Mark:
    """Grows with every point that is marked; ``packs`` are in use."""

    def __init__(self) -> None:
        self.packs = PackSet()

    def add(self, points: Iterable[Point]) -> None:
        """Mark everything that ``points`` need."""
        for point in points:
            for disk in point.disks:
                self.packs.update(disk.needs)


def ensure_present(needed: PackSet, listed: Iterable[PackNumber], storage: Storage) -> None:
    """Raise ``Missing`` if a needed pack is neither listed nor has been put since."""
    lost = needed.without(PackSet(listed))
    for session_id in lost.sessions():
        prefix = f"{PACKS_PREFIX}{text_of(session_id)}/"
        found = {
            pack.number.ordinal
            for info in storage.list(prefix)
            if (pack := pack_of_name(info.name)) is not None
        }
        gone = lost.ordinals(session_id) - found
        if gone:
            raise Missing(
                f"Restore points need {len(gone)} packs of session {text_of(session_id)} that "
                "are not there. Nothing was cleaned; run verify, and delete the points it names."
            )
