"""A random source that can be foreseen: for tests and frozen repositories, never for a secret."""

from __future__ import annotations

import random
import threading


class SeededRandomness:
    """The same bytes for the same seed, in the order in which they are drawn."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self, count: int) -> bytes:
        with self._lock:
            return self._random.randbytes(count)
