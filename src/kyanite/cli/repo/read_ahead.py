"""What of a file to fetch before it is read."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from kyanite.base.units import MIB
from kyanite.engine.ranges import ByteRange, RangeList

# How far the system reads ahead of us: about what it reads while a password is stretched.
_AHEAD_BYTES: Final = 64 * MIB

# It fetches no more than a few MiB at one word.
_ADVICE_BYTES: Final = 4 * MIB


class ReadAhead:
    """Ranges in the order in which they will be read. Thread-safe."""

    def __init__(self, fetch: Callable[[int, int], object]) -> None:
        """``fetch``: told offset and length of what to bring near; does not wait for it."""
        self._fetch = fetch
        self._lock = threading.Lock()
        self._near: deque[Iterator[ByteRange]] = deque()
        self._known_to = 0
        self._far: Iterator[ByteRange] = iter(())

    def survey(self, ranges: RangeList) -> None:
        """All that may be read, as far as can be said beforehand."""
        with self._lock:
            self._far = _parts(ranges)
            self._bring(_AHEAD_BYTES)

    def expect(self, ranges: RangeList) -> None:
        """All that will be read next, from the end of what was expected before to its own end."""
        with self._lock:
            self._near.append(_parts(ranges))
            self._known_to = max([self._known_to, *(one.end for one in ranges)])
            self._bring(_AHEAD_BYTES)

    def has_read(self, size_bytes: int) -> None:
        """So much less is ahead now, and as much more may be fetched."""
        with self._lock:
            self._bring(size_bytes)

    def _bring(self, size_bytes: int) -> None:
        while size_bytes > 0 and (part := self._next()):
            self._fetch(part.offset, part.length)
            size_bytes -= part.length

    def _next(self) -> ByteRange | None:
        while self._near:
            if part := next(self._near[0], None):
                return part
            self._near.popleft()
        return next((part for part in self._far if part.offset >= self._known_to), None)


def _parts(ranges: RangeList) -> Iterator[ByteRange]:
    for one in ranges:
        if not one.zero:
            for at in range(one.offset, one.end, _ADVICE_BYTES):
                yield ByteRange(at, min(_ADVICE_BYTES, one.end - at))
