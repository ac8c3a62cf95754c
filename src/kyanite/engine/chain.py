"""The chain of one piece of a disk: read, zero test, cut, name, look up, compress, seal.

One thread does the whole chain for a piece, so that its bytes stay in the processor's
cache; every heavy call releases the interpreter lock.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.chunk_store import ChunkStore, SpanKey
from kyanite.engine.chunking import Cutter
from kyanite.engine.control import Control
from kyanite.engine.disk_input import Source
from kyanite.engine.disk_plan import Piece, ReadPlan
from kyanite.engine.pages import Entry
from kyanite.engine.parallelism import Parallelism

_ZEROS: Final = bytes(512 * KIB)


@dataclass(slots=True)
class Moved:
    """Byte counts of a backup."""

    read_bytes: int = 0
    processed_bytes: int = 0


class Chain:
    """Runs pieces; several threads at once, computing on as many cores as allowed."""

    def __init__(
        self, store: ChunkStore, cutter: Cutter, parallelism: Parallelism, control: Control
    ) -> None:
        self.store = store
        self.parallelism = parallelism
        self.moved = Moved()
        self._cutter = cutter
        self._control = control
        grid = cutter.grid_bytes
        self.piece_bytes = max(grid, parallelism.read_bytes // grid * grid)
        self._lock = threading.Lock()
        self._cores: AbstractContextManager[object] = (
            threading.BoundedSemaphore(parallelism.workers)
            if parallelism.readers > parallelism.workers
            else nullcontext()
        )

    def run(
        self, source: Source, plan: ReadPlan, key: SpanKey, piece: Piece, buffer: memoryview
    ) -> list[Entry]:
        """The entries of a piece; its chunks are in the store afterwards."""
        self._control.check()
        view = buffer[: piece.length]
        read = _fill(source, plan, piece, view)
        if read:
            with self._cores:
                entries = self._cut(view, piece, key)
        else:
            entries = [Entry(piece.length, None)]
        with self._lock:
            self.moved.read_bytes += read
            self.moved.processed_bytes += piece.length
        self._control.advance(read=read, processed=piece.length)
        return entries

    def _cut(self, view: memoryview, piece: Piece, key: SpanKey) -> list[Entry]:
        entries: list[Entry] = []
        at = 0
        for length in self._cutter.cut(view, piece.final):
            chunk = view[at : at + length]
            if is_zero(chunk):
                entries.append(Entry(length, None))
            else:
                entries.append(Entry(length, *self.store.add_chunk(chunk, key)))
            at += length
        return entries


def is_zero(chunk: memoryview) -> bool:
    """Whether all bytes are zero: two probes settle it for most data, a C comparison for zeros."""
    if chunk[0] or chunk[len(chunk) // 2]:
        return False
    # Not ``memoryview == bytes``: that compares item by item, 20 times slower.
    for at in range(0, len(chunk), len(_ZEROS)):
        part = bytes(chunk[at : at + len(_ZEROS)])
        if part != _ZEROS and (len(part) == len(_ZEROS) or part != _ZEROS[: len(part)]):
            return False
    return True


def _fill(source: Source, plan: ReadPlan, piece: Piece, view: memoryview) -> int:
    """Read a piece; what is known to be zero is not read. Returns the bytes read."""
    at = piece.offset
    read = 0
    for part in plan.to_read(piece.offset, piece.length):
        _clear(view[at - piece.offset : part.offset - piece.offset])
        source.read_into(part.offset, view[part.offset - piece.offset : part.end - piece.offset])
        read += part.length
        at = part.end
    if read:
        _clear(view[at - piece.offset :])
    return read


def _clear(view: memoryview) -> None:
    for at in range(0, len(view), len(_ZEROS)):
        part = view[at : at + len(_ZEROS)]
        part[:] = _ZEROS[: len(part)]
