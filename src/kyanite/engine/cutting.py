"""Where data is cut into chunks: from the marks of its blocks to lengths. No I/O.

A cutter works in two steps. *Marking* looks at every block by itself and may happen in
any order on any thread: one byte a block says nothing, "a chunk may end here", or
"zeros". *Cutting* walks the marks in order and needs no data. So the cuts of a region
depend neither on the sizes of the pieces it was read in, nor on threads.

Rules (docs/format/cuts.md): a chunk never begins with a block of zeros, ends before the
first ``zero_blocks`` blocks of zeros in a row, else behind the first marked block that
makes it at least ``least_blocks`` long, at the latest when it has ``most_blocks``.
Lengths are the writer's business: readers take any.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from kyanite.base.units import KIB
from kyanite.engine.aligned_marks import BLOCK_BYTES, AlignedMarks
from kyanite.engine.keys import BackupKeys
from kyanite.engine.marks import CUT, PLAIN, ZERO
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.zeros import is_zero

_CUT: Final = bytes([CUT])
_ZERO: Final = bytes([ZERO])

# A shorter run of zeros is cheaper inside of a chunk than as an entry of the list.
_LEAST_ZERO_BYTES: Final = 64 * KIB


@dataclass(frozen=True, slots=True)
class CutRule:
    """Lengths in blocks; see the module's rules."""

    block_bytes: int
    least_blocks: int
    most_blocks: int
    zero_blocks: int

    @property
    def looks_back(self) -> bool:
        """Whether a cut depends on what stands before its block."""
        return self.most_blocks > 1

    @property
    def zero_bytes(self) -> int:
        """So many zeros in a row end a chunk."""
        return self.zero_blocks * self.block_bytes

    @property
    def carried_bytes(self) -> int:
        """At most so much of a piece is left uncut until the next piece is known."""
        return (self.most_blocks + self.zero_blocks) * self.block_bytes if self.looks_back else 0


class Ending(Enum):
    """What follows the window."""

    OPEN = "more of the region"
    ZEROS = "zeros that would end a chunk"
    HARD = "the border of a span"


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk or a run of zeros of a window: blocks ``start`` to ``end``."""

    start: int
    end: int
    zero: bool


class Cutter(Protocol):
    """Decides where chunks end."""

    @property
    def rule(self) -> CutRule: ...

    def mark(self, piece: memoryview) -> bytes:
        """A mark for every block of ``piece``, the last one maybe shorter. Thread-safe."""
        ...


class FixedCutter:
    """Cuts at multiples of one length, counted from the start of the region."""

    def __init__(self, chunk_bytes: int) -> None:
        self.rule = CutRule(chunk_bytes, 1, 1, 1)

    def mark(self, piece: memoryview) -> bytes:
        step = self.rule.block_bytes
        return bytes(
            ZERO if is_zero(piece[at : at + step]) else PLAIN for at in range(0, len(piece), step)
        )


class AlignedCutter:
    """Content-defined at steps of 4 KiB: what moved by whole blocks is found again."""

    def __init__(self, cut_key: bytes, least_bytes: int, mean_bytes: int, most_bytes: int) -> None:
        self.rule = CutRule(
            BLOCK_BYTES,
            least_bytes // BLOCK_BYTES,
            most_bytes // BLOCK_BYTES,
            _LEAST_ZERO_BYTES // BLOCK_BYTES,
        )
        self._marks = AlignedMarks(cut_key, mean_bytes - least_bytes)

    def mark(self, piece: memoryview) -> bytes:
        return self._marks.of(piece)


def cut_step_bytes(settings: RepositorySettings) -> int:
    """Disks are cut at multiples of this."""
    return settings.cut_bytes if settings.cut_kind == "fixed" else BLOCK_BYTES


def cutter_for(settings: RepositorySettings, keys: BackupKeys) -> Cutter:
    """The cutter of disks that the settings of a repository ask for."""
    return cutter_of(settings, keys.cut_key)


def cutter_of(settings: RepositorySettings, cut_key: bytes) -> Cutter:
    """The same, for those who hold all keys."""
    if settings.cut_kind == "fixed":
        return FixedCutter(settings.cut_bytes)
    return AlignedCutter(
        cut_key, settings.cut_least_bytes, settings.cut_bytes, settings.cut_most_bytes
    )


def cut(marks: bytes, rule: CutRule, ending: Ending) -> tuple[list[Part], int]:
    """The parts of a window, and the block from which on it cannot be decided yet.

    The window begins where a chunk may begin; at an ending that is not ``OPEN``
    everything is decided.
    """
    count = len(marks)
    run = _ZERO * rule.zero_blocks
    if ending is Ending.ZEROS:
        marks += run
    settled = len(marks.rstrip(_ZERO)) if ending is Ending.OPEN else len(marks)
    parts: list[Part] = []
    at = 0
    while at < count:
        if marks[at] == ZERO:
            end = count - len(marks[at:count].lstrip(_ZERO))
            parts.append(Part(at, end, True))
            at = end
            continue
        longest = at + rule.most_blocks
        marked = marks.find(_CUT, at + rule.least_blocks - 1, longest)
        end = marked + 1 if marked >= 0 else min(longest, count)
        zeros = marks.find(run, at, end + rule.zero_blocks - 1)
        if 0 <= zeros < end:
            end = zeros
        elif ending is Ending.OPEN and (
            (marked < 0 and end < longest) or (rule.looks_back and end > settled)
        ):
            break
        parts.append(Part(at, end, False))
        at = end
    return parts, at
