"""A slow network: bytes are paced on a line whose next free moment is known.

A pacer keeps the moment at which its line is free again; each piece of data moves that moment on
by its length over the rate and waits for it. A wait that overshoots (a busy machine wakes its
sleepers late) is made up for by the next piece when that comes soon, so the mean rate is exact;
a pause of the sender saves up nothing beyond `_CREDIT_SECONDS`.
"""

import threading
import time
from collections.abc import Sequence

_CREDIT_SECONDS = 0.005
_SOON_SECONDS = 0.02
_PIECE_SECONDS = 0.008  # one piece lasts about this long: smooth, and few wake-ups
_MIN_PIECE, _MAX_PIECE = 1024, 1 << 20


class Pacer:
    """One line with a rate, used by any number of threads."""

    def __init__(self, bytes_per_second: float) -> None:
        self.bytes_per_second = bytes_per_second
        self._lock = threading.Lock()
        self._free_at = self._woke_at = time.monotonic()
        self._late_seconds = 0.0

    def reserve(self, size: int) -> float:
        """Book `size` bytes; the moment (monotonic seconds) at which they have passed."""
        now = time.monotonic()
        with self._lock:
            credit = _CREDIT_SECONDS
            if now - self._woke_at < _SOON_SECONDS:
                credit += self._late_seconds
            start = max(self._free_at, now - credit)
            self._free_at = start + size / self.bytes_per_second
            return self._free_at

    def woke(self, late_seconds: float) -> None:
        """A wait for this line ended, so much later than it should have."""
        with self._lock:
            self._woke_at = time.monotonic()
            self._late_seconds = max(0.0, late_seconds)


class Shape:
    """All the lines that the bytes of one request pass."""

    def __init__(self, pacers: Sequence[Pacer] = ()) -> None:
        self._pacers = tuple(pacers)
        self.piece_bytes = _MAX_PIECE
        for pacer in self._pacers:
            self.piece_bytes = min(self.piece_bytes, int(pacer.bytes_per_second * _PIECE_SECONDS))
        self.piece_bytes = max(self.piece_bytes, _MIN_PIECE)

    def __bool__(self) -> bool:
        return bool(self._pacers)

    def pass_bytes(self, size: int) -> None:
        """Wait until `size` bytes have passed every line."""
        if not self._pacers or size <= 0:
            return
        until = max(pacer.reserve(size) for pacer in self._pacers)
        wait = until - time.monotonic()
        if wait > 0:
            time.sleep(wait)
            late_seconds = time.monotonic() - until
            for pacer in self._pacers:
                pacer.woke(late_seconds)


UNSHAPED = Shape()
