"""A restored disk's bytes into an upload disk.

Implements the engine's ``Target``: ``write`` copies and returns, many connections send.
What is never written stays a hole of the new disk. Neighbouring writes that arrive while
the connections are busy are joined up to Azure's 4 MiB a request. ``finish`` waits for
everything and puts the footer; only then the disk is whole.
"""

from __future__ import annotations

import threading
import uuid
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
_QUEUE_BYTES: Final = 32 * MIB
"""Copied but not yet taken by a connection; bounds the memory with what is being sent."""
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
        self._waiting: dict[int, bytearray] = {}
        self._waiting_bytes = 0
        self._sending = 0
        self._failure: KyaniteError | None = None
        self._closed = False
        self._threads = [
            threading.Thread(target=self._send_all, name=f"upload-{n}", daemon=True)
            for n in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def write(self, offset: int, data: Body) -> None:
        """Take a copy of ``data`` for ``offset`` (whole sectors, any length).

        Waits while too much is unsent. Raises the error that sending ended with.
        """
        view = memoryview(data)
        for at in range(0, len(view), LARGEST_WRITE_BYTES):
            self._put(offset + at, view[at : at + LARGEST_WRITE_BYTES])

    def finish(self, disk_uuid: uuid.UUID, made_at: datetime) -> None:
        """Wait until every byte is on the disk, then write the footer."""
        with self._changed:
            while self._waiting or self._sending:
                self._wait()
            self._raise_failure()
        self._pages.write(self._size_bytes, fixed_footer(self._size_bytes, disk_uuid, made_at))

    def close(self) -> None:
        """Stop the threads; what is unsent stays so."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
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

    def _put(self, offset: int, data: memoryview) -> None:
        with self._changed:
            while self._waiting_bytes + len(data) > _QUEUE_BYTES and self._waiting:
                self._wait()
            self._raise_failure()
            before = self._predecessor(offset)
            if before is not None and len(before) + len(data) <= LARGEST_WRITE_BYTES:
                before += data
            else:
                self._waiting[offset] = bytearray(data)
            self._waiting_bytes += len(data)
            self._changed.notify()

    def _predecessor(self, offset: int) -> bytearray | None:
        """The newest unsent write, if it ends where this one begins."""
        if not self._waiting:
            return None
        last = next(reversed(self._waiting))
        block = self._waiting[last]
        return block if last + len(block) == offset else None

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
            finally:
                with self._changed:
                    self._sending -= 1
                    self._changed.notify_all()

    def _take(self) -> tuple[int, bytearray] | None:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait(_WAIT_SECONDS)
            if self._failure is not None:
                self._waiting.clear()
                return None
            offset = next(iter(self._waiting))
            block = self._waiting.pop(offset)
            self._waiting_bytes -= len(block)
            self._sending += 1
            self._changed.notify_all()
            return offset, block
