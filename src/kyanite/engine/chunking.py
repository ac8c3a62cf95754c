"""Where a disk is cut into chunks.

A cutter only decides lengths; the format takes any (docs/format/objects.md). It is given
a contiguous region of a disk piece by piece and may leave the end of a piece for the next
one, unless the piece is the last of its region.
"""

from __future__ import annotations

from typing import Protocol

from kyanite.engine.settings import RepositorySettings


class Cutter(Protocol):
    """Decides the lengths of chunks.

    grid_bytes     changes are widened to multiples of this before their region is cut
    carried_bytes  at most so much is left of a piece for the next one; 0: pieces are
                   independent of each other and may be cut in any order
    """

    @property
    def grid_bytes(self) -> int: ...

    @property
    def carried_bytes(self) -> int: ...

    def cut(self, piece: memoryview, final: bool) -> list[int]:
        """Lengths of the chunks from the start of ``piece``; their sum is all if ``final``."""
        ...


class FixedCutter:
    """Cuts at multiples of one length, counted from the start of the region."""

    def __init__(self, chunk_bytes: int) -> None:
        self.grid_bytes = chunk_bytes
        self.carried_bytes = 0

    def cut(self, piece: memoryview, final: bool) -> list[int]:  # noqa: ARG002
        whole, rest = divmod(len(piece), self.grid_bytes)
        lengths = [self.grid_bytes] * whole
        return [*lengths, rest] if rest else lengths


def cutter_for(settings: RepositorySettings) -> Cutter:
    """The cutter that the settings of a repository ask for."""
    return FixedCutter(settings.cut_bytes)
