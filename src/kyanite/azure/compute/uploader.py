"""A restored disk's bytes into an upload disk.

Implements the engine's ``Target``: ``write`` returns as soon as there is room, many
connections send. What is never written stays a hole of the new disk. ``finish`` waits for
everything and puts the footer; only then the disk is whole.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from datetime import datetime
from types import TracebackType
from typing import Final

from kyanite.azure.compute.pages import LARGEST_WRITE_BYTES, DiskPages
from kyanite.azure.compute.vhd import fixed_footer
from kyanite.azure.connections import Body
from kyanite.azure.rate_limit import RateLimit
from kyanite.base.errors import KyaniteError
from kyanite.base.units import MIB

_CONNECTIONS: Final = 16
"""Enough for 600 MB/s at 20 ms a request and 60 MB/s a connection."""
_OUTSTANDING_BYTES: Final = 56 * MIB
"""Taken and not yet on the disk, whether waiting or being sent: bounds the memory, and keeps
14 requests of 4 MiB under way."""
_WAIT_SECONDS: Final = 0.25


class DiskUploader:
    """One upload disk. Thread-safe; use it as a context manager or call ``close``."""

    def __init__(
        self,
        pages: DiskPages,
        size_bytes: int,
        limit: RateLimit | None = None,
        *,
        connections: int = _CONNECTIONS,
    ) -> None:
        self._pages = pages
        self._size_bytes = size_bytes
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._outstanding_bytes = 0
        self._failure: KyaniteError | None = None
        self._closed = False
        self._threads = [
            threading.Thread(target=self._send_all, name=f"upload-{n}", daemon=True)
            for n in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def write(self, offset: int, data: Body) -> None:
        """Take ``data`` for ``offset`` (whole sectors, any length); the caller may change it
        after the return.

        Waits while too much is unsent. Raises the error that sending ended with.
        """
        if isinstance(data, bytes) and len(data) <= LARGEST_WRITE_BYTES:
            self._put(offset, data)  # nobody can change it: no copy is needed
            return
        view = memoryview(data)
        for at in range(0, len(view), LARGEST_WRITE_BYTES):
            self._put(offset + at, bytes(view[at : at + LARGEST_WRITE_BYTES]))

    def finish(self, disk_uuid: uuid.UUID, made_at: datetime) -> None:
        """Wait until every byte is on the disk, then write the footer."""
        with self._changed:
            while self._outstanding_bytes:
                self._wait()
            self._raise_failure()
        self._pages.write(self._size_bytes, fixed_footer(self._size_bytes, disk_uuid, made_at))

    def close(self) -> None:
        """Stop the threads; what is unsent stays so."""
        with self._changed:
            self._closed = True
            self._drop_waiting()
            self._changed.notify_all()

    def __enter__(self) -> DiskUploader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _put(self, offset: int, block: bytes) -> None:
        with self._changed:
            while self._outstanding_bytes and (
                self._outstanding_bytes + len(block) > _OUTSTANDING_BYTES
            ):
                self._wait()
            self._raise_failure()
            self._waiting.append((offset, block))
            self._outstanding_bytes += len(block)
            self._changed.notify_all()

    def _drop_waiting(self) -> None:
        self._outstanding_bytes -= sum(len(block) for _, block in self._waiting)
        self._waiting.clear()

    def _wait(self) -> None:
        self._raise_failure()
        self._pages.check()
        self._changed.wait(_WAIT_SECONDS)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _send_all(self) -> None:
        while (taken := self._take()) is not None:
            offset, block = taken
            try:
                if self._limit is not None:
                    self._limit.take(len(block), self._pages.check)
                self._pages.write(offset, block)
            except KyaniteError as error:
                with self._changed:
                    self._failure = self._failure or error
                    self._drop_waiting()
            finally:
                with self._changed:
                    self._outstanding_bytes -= len(block)
                    self._changed.notify_all()
            del taken, block  # or it lives until this thread gets another one

    def _take(self) -> tuple[int, bytes] | None:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait(_WAIT_SECONDS)
            return self._waiting.popleft()
