"""What carries frames between appliance and data mover.

A transport may lose, repeat, delay and swap frames: ``channel`` puts that right. It may
not change them. The pipe does none of that; a queue between machines does all of it.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from typing import Protocol

from kyanite.datamover.frames import PREFIX, lengths


class TransportClosed(Exception):
    """The other side has gone away."""


class Transport(Protocol):
    """Frames in, frames out. ``send`` is called by several threads, ``receive`` by one."""

    lossless: bool
    """What is sent arrives once and in order, or the transport closes."""

    def send(self, frame: bytes) -> None:
        """Hand a frame over, without waiting for the other side. Raises ``TransportClosed``."""
        ...

    def receive(self, timeout_seconds: float) -> bytes | None:
        """The next frame, or ``None`` when none came in time. Raises ``TransportClosed``."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class PipeTransport:
    """Two file descriptors, which it owns.

    Neither side ever waits for the other to read: what does not fit into the pipe is kept
    and goes out while this side receives. A frozen mover must not freeze the appliance.
    """

    lossless = True

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        os.set_blocking(write_fd, False)
        self._lock = threading.Lock()
        self._unsent: deque[memoryview] = deque()
        self._buffer = bytearray()
        self._closed = False

    def send(self, frame: bytes) -> None:
        with self._lock:
            if self._closed:
                raise TransportClosed
            self._unsent.append(memoryview(frame))
            self._write()

    def receive(self, timeout_seconds: float) -> bytes | None:
        deadline = time.monotonic() + timeout_seconds
        while (wanted := self._missing()) > 0:
            if not self._wait_readable(deadline):
                return None
            try:
                data = os.read(self._read_fd, max(wanted, 65536))
            except OSError as error:
                raise TransportClosed from error
            if not data:
                raise TransportClosed
            self._buffer += data
        length = self._frame_length()
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        return frame

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            os.close(self._write_fd)
            os.close(self._read_fd)

    def _wait_readable(self, deadline: float) -> bool:
        """Whether there is something to read before ``deadline``; writes meanwhile."""
        while True:
            with self._lock:
                if self._closed:
                    raise TransportClosed
                self._write()
                poller = select.poll()
                poller.register(self._read_fd, select.POLLIN)
                if self._unsent:
                    poller.register(self._write_fd, select.POLLOUT)
            left = max(0.0, deadline - time.monotonic())
            ready = dict(poller.poll(left * 1000))
            if self._read_fd in ready:
                return True
            if not ready and time.monotonic() >= deadline:
                return False

    def _write(self) -> None:
        """Write what the pipe takes now. Called with the lock held."""
        while self._unsent:
            view = self._unsent[0]
            try:
                written = os.write(self._write_fd, view)
            except BlockingIOError:
                return
            except OSError as error:  # EPIPE: nobody reads any more
                raise TransportClosed from error
            if written == len(view):
                self._unsent.popleft()
            else:
                self._unsent[0] = view[written:]

    def _frame_length(self) -> int:
        header, payload = lengths(bytes(self._buffer[: PREFIX.size]))
        return PREFIX.size + header + payload

    def _missing(self) -> int:
        """How many bytes a whole frame still needs, as far as can be told."""
        if len(self._buffer) < PREFIX.size:
            return PREFIX.size - len(self._buffer)
        return self._frame_length() - len(self._buffer)
