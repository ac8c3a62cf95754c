"""Keeps what was read, in bounded memory. Objects never change, so it is never wrong.

It may be late: an object that somebody else has deleted is served as long as it is kept.
So it is for reading data, not for asking what is there: listings and sizes always ask.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, TypeAlias

from kyanite.base.units import MIB
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.wrapper import StorageWrapper

_Piece: TypeAlias = tuple[str, int, int]
_WHOLE: Final = (0, -1)


class CachedStorage(StorageWrapper):
    """The pieces read last, at most ``limit_bytes`` in all; bigger pieces pass by."""

    def __init__(self, inner: Storage, limit_bytes: int = 64 * MIB) -> None:
        super().__init__(inner)
        self.hits = 0
        self.misses = 0
        self._limit_bytes = limit_bytes
        self._held: OrderedDict[_Piece, bytes] = OrderedDict()
        self._held_bytes = 0
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes:
        piece = (name, *_WHOLE)
        data = self._find(piece)
        return data if data is not None else self._keep(piece, super().get(name))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        piece = (name, offset, max(length, 0))
        data = self._find(piece)
        return (
            data if data is not None else self._keep(piece, super().get_range(name, offset, length))
        )

    def delete(self, name: str) -> None:
        super().delete(name)
        with self._lock:
            for piece in [piece for piece in self._held if piece[0] == name]:
                self._held_bytes -= len(self._held.pop(piece))

    def _find(self, piece: _Piece) -> bytes | None:
        name, offset, length = piece
        with self._lock:
            found = self._held.get(piece)
            if found is not None:
                self._held.move_to_end(piece)
            elif length >= 0 and (whole := self._held.get((name, *_WHOLE))) is not None:
                start = max(0, len(whole) + offset) if offset < 0 else offset
                found = whole[start : start + length]
            if found is None:
                self.misses += 1
            else:
                self.hits += 1
            return found

    def _keep(self, piece: _Piece, data: bytes) -> bytes:
        if len(data) > self._limit_bytes:
            return data
        with self._lock:
            if piece not in self._held:
                self._held_bytes += len(data)
                self._held[piece] = data
            while self._held_bytes > self._limit_bytes:
                _, dropped = self._held.popitem(last=False)
                self._held_bytes -= len(dropped)
        return data
