"""The part of a pack that one read takes, entry by entry, through a window that moves along."""

from __future__ import annotations

from typing import Self

from kyanite.base.errors import Missing, ObjectMissing
from kyanite.engine.restore_plan import Fetch
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.streaming import ByteStream, open_range


class PackBytes:
    """A context; entries are asked for in the order in which they lie."""

    def __init__(self, storage: Storage, fetch: Fetch, window: memoryview | None = None) -> None:
        """Without a ``window`` everything is held at once."""
        self._storage = storage
        self._fetch = fetch
        self._window = memoryview(bytearray(fetch.length)) if window is None else window
        self._start = self._end = fetch.offset  # of what the window holds
        self._stream: ByteStream | None = None
        self._ranges = iter(fetch.ranges)
        self._range_end = fetch.offset

    def __enter__(self) -> Self:
        fetch = self._fetch
        try:
            self._stream = open_range(self._storage, fetch.pack.name, fetch.offset, fetch.length)
        except ObjectMissing:
            self._stream = None  # said when an entry is asked for
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def at(self, offset: int, length: int) -> memoryview:
        """The bytes of an entry, until the next call; fewer where the pack ends.

        Raises ``Missing`` if there is no such pack, and what the storage raises.
        """
        if offset + length > self._end:
            self._move_to(offset, length)
        return self._window[offset - self._start : min(offset + length, self._end) - self._start]

    def _move_to(self, offset: int, length: int) -> None:
        held = max(self._end - offset, 0)
        window = self._window if length <= len(self._window) else memoryview(bytearray(length))
        window[:held] = self._window[offset - self._start : offset - self._start + held]
        if offset >= self._range_end:
            # A table may lie: entries of no length are in no range.
            self._range_end = next((one.end for one in self._ranges if one.end > offset), offset)
        room = min(len(window), self._range_end - offset)
        self._window = window
        self._start = offset
        self._end = offset + held + self._read(max(offset - self._end, 0), window[held:room])

    def _read(self, skipped: int, view: memoryview) -> int:
        try:
            if self._stream is not None:
                if skipped:
                    self._stream.skip(skipped)
                return self._stream.read_into(view)
        except ObjectMissing:  # it was deleted while it was read
            self._close()
        raise Missing(f"{self._fetch.pack.name} is missing.")

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
