"""Pieces of index segments that were read a moment ago, within a bound of bytes."""

from __future__ import annotations

import threading
from typing import Final

from kyanite.base.units import MIB

DEFAULT_BYTES: Final = 48 * MIB
_OVERHEAD_BYTES: Final = 250  # of a dictionary entry with its key

PieceKey = tuple[str, int, int]  # segment, part (below zero: pack rows), place


class PieceMemory:
    """Forgets what came first when there is too much. Thread-safe."""

    def __init__(self, most_bytes: int = DEFAULT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._pieces: dict[PieceKey, bytes] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: PieceKey) -> bytes | None:
        return self._pieces.get(key)

    def keep(self, key: PieceKey, piece: bytes) -> None:
        with self._lock:
            if key in self._pieces:
                return
            self._pieces[key] = piece
            self._bytes += len(piece) + _OVERHEAD_BYTES
            while self._bytes > self._most_bytes:
                oldest = next(iter(self._pieces))
                self._bytes -= len(self._pieces.pop(oldest)) + _OVERHEAD_BYTES
