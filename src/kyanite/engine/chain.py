"""The chain of one piece of a disk: read, mark, cut, name, look up, compress, seal.

One thread does the whole chain for a piece, so that its bytes stay in the processor's
cache; every heavy call releases the interpreter lock. Only the cut waits for the piece
before it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from kyanite.engine.chunk_store import ChunkStore, SpanKey
from kyanite.engine.control import Control
from kyanite.engine.cutting import Cutter, Ending, Part, cut
from kyanite.engine.disk_input import Source
from kyanite.engine.disk_plan import Piece, ReadPlan
from kyanite.engine.marks import ZERO
from kyanite.engine.pages import Entry
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.span_list import SpanList
from kyanite.engine.strand import NOTHING, Carry
from kyanite.engine.zeros import clear


@dataclass(slots=True)
class Moved:
    """Byte counts of a backup."""

    read_bytes: int = 0
    processed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """Where pieces of a span come from: the source, what to read of it, the list before."""

    source: Source
    plan: ReadPlan
    before: SpanList
    key: SpanKey


@dataclass(frozen=True, slots=True)
class CutPiece:
    """``entries`` up to ``end``, from where the piece before had left its carry."""

    entries: list[Entry]
    end: int


class Chain:
    """Runs pieces; several threads at once, computing on as many cores as allowed."""

    def __init__(
        self, store: ChunkStore, cutter: Cutter, parallelism: Parallelism, control: Control
    ) -> None:
        self.store = store
        self.parallelism = parallelism
        self.moved = Moved()
        self.rule = cutter.rule
        self._cutter = cutter
        self._control = control
        grid = cutter.rule.block_bytes
        self.piece_bytes = max(grid, parallelism.read_bytes // grid * grid)
        # The uncut end of the piece before stands in front of a piece.
        self._room = cutter.rule.carried_bytes
        self.buffer_bytes = self._room + self.piece_bytes
        self._lock = threading.Lock()
        self._cores: AbstractContextManager[object] = nullcontext()
        if parallelism.waits_for_source:
            self._cores = threading.BoundedSemaphore(parallelism.workers)

    def run(self, work: Work, piece: Piece, buffer: memoryview) -> CutPiece:
        """The entries of a piece; its chunks are in the store afterwards."""
        try:
            self._control.check()
            view = buffer[self._room : self._room + piece.length]
            marks = self._read(work, piece.offset, view)
            carry = piece.strand.take(piece.turn)
            start = self._room - len(carry.data)
            buffer[start : self._room] = carry.data
            view = buffer[start : self._room + piece.length]
            windows, left, end = self._cut(work, piece, view, carry.marks + marks)
            piece.strand.hand_on(left)
        except BaseException as error:
            piece.strand.fail(error)
            raise
        with self._cores:
            return CutPiece(list(self._stored(windows, work.key)), end)

    def _cut(
        self, work: Work, piece: Piece, view: memoryview, marks: bytes
    ) -> tuple[list[tuple[memoryview, list[Part]]], Carry, int]:
        """Cut; read on behind the last piece of a region until cuts meet the old ones."""
        windows = []
        at = piece.offset + piece.length
        ending, more = self._what_follows(work, piece, at)
        at_old_cut = True
        while True:
            parts, rest = cut(marks, self.rule, ending)
            windows.append((view, parts))
            left = view[rest * self.rule.block_bytes :]
            if at_old_cut and not (left and more):
                break
            length = min(more, self.piece_bytes)
            view = memoryview(bytearray(len(left) + length))
            view[: len(left)] = left
            marks = marks[rest:] + self._read(work, at, view[len(left) :])
            at += length
            more -= length
            ending, at_old_cut = Ending.OPEN, not more
            if at_old_cut:
                ending, more = self._what_follows(work, piece, at)
        return windows, Carry(marks[rest:], bytes(left)) if left else NOTHING, at

    def _what_follows(self, work: Work, piece: Piece, at: int) -> tuple[Ending, int]:
        """How a window ends at ``at``, and how many bytes lead to the next old cut."""
        if not piece.final:
            return Ending.OPEN, 0
        if at == work.before.end:
            return Ending.HARD, 0
        if at == piece.until:
            return Ending.OPEN if piece.near else Ending.HARD, 0
        entry, length = work.before.entry_at(at)
        if entry.chunk_id is None and length >= self.rule.zero_bytes:
            return Ending.ZEROS, 0
        return Ending.OPEN, length

    def _read(self, work: Work, offset: int, view: memoryview) -> bytes:
        """Read and mark; what is known to be zero is neither read nor looked at."""
        at = offset
        read = False
        for part in work.plan.to_read(offset, len(view)):
            clear(view[at - offset : part.offset - offset])
            work.source.read_into(part.offset, view[part.offset - offset : part.end - offset])
            self.count(part.length, 0)  # at once: marking may wait for a core
            read = True
            at = part.end
        clear(view[at - offset :])  # zeros may end up inside of a chunk
        if read:
            with self._cores:
                marks = self._cutter.mark(view)
        else:
            marks = bytes([ZERO]) * -(-len(view) // self.rule.block_bytes)
        self.count(0, len(view))
        return marks

    def count(self, read_bytes: int, processed_bytes: int) -> None:
        """So much more was read and dealt with."""
        with self._lock:
            self.moved.read_bytes += read_bytes
            self.moved.processed_bytes += processed_bytes
        self._control.advance(read=read_bytes, processed=processed_bytes)

    def _stored(
        self, windows: list[tuple[memoryview, list[Part]]], key: SpanKey
    ) -> Iterator[Entry]:
        step = self.rule.block_bytes
        runs = [
            (view[part.start * step : part.end * step], part.zero)
            for view, parts in windows
            for part in parts
        ]
        places = iter(self.store.add_chunks([run for run, zero in runs if not zero], key))
        for run, zero in runs:
            yield Entry(len(run), None) if zero else Entry(len(run), *next(places))
