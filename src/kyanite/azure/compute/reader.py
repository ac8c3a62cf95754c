"""A disk's bytes as a source for the engine.

One call is one ranged request on a connection of the pool; the engine reads with many
threads at once, which is what fills a network of 20 ms and 60 MB/s a connection.
"""

from __future__ import annotations

from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.rate_limit import RateLimit


class DiskReader:
    """Implements the engine's ``Source``. Thread-safe."""

    def __init__(self, pages: DiskPages, limit: RateLimit | None = None) -> None:
        self._pages = pages
        self._limit = limit

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with the disk's bytes at ``offset``."""
        if self._limit is not None:
            self._limit.take(len(buffer), self._pages.check)
        self._pages.read_into(offset, buffer)
