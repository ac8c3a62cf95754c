"""What carries frames between appliance and data mover.

A transport may lose, repeat, delay and swap frames: ``channel`` puts that right. It may
not change them. The pipe does none of that; a queue between machines does all of it.
"""

from __future__ import annotations

import os
import select
import threading
from typing import Protocol

from kyanite.datamover.frames import PREFIX, lengths


class TransportClosed(Exception):
    """The other side has gone away."""


class Transport(Protocol):
    """Frames in, frames out. ``send`` is called by several threads, ``receive`` by one."""

    def send(self, frame: bytes) -> None:
        """Hand a frame over. Raises ``TransportClosed``."""
        ...

    def receive(self, timeout_seconds: float) -> bytes | None:
        """The next frame, or ``None`` when none came in time. Raises ``TransportClosed``."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class PipeTransport:
    """Two file descriptors, which it owns."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._write_lock = threading.Lock()
        self._buffer = bytearray()
        self._closed = False

    def send(self, frame: bytes) -> None:
        with self._write_lock:
            if self._closed:
                raise TransportClosed
            view = memoryview(frame)
            try:
                while view:
                    view = view[os.write(self._write_fd, view) :]
            except OSError as error:  # EPIPE: nobody reads any more
                raise TransportClosed from error

    def receive(self, timeout_seconds: float) -> bytes | None:
        while (wanted := self._missing()) > 0:
            try:
                ready, _, _ = select.select([self._read_fd], [], [], timeout_seconds)
                if not ready:
                    return None
                data = os.read(self._read_fd, max(wanted, 65536))
            except (OSError, ValueError) as error:
                raise TransportClosed from error
            if not data:
                raise TransportClosed
            self._buffer += data
        length = self._frame_length()
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        return frame

    def close(self) -> None:
        with self._write_lock:
            if self._closed:
                return
            self._closed = True
            os.close(self._write_fd)
            os.close(self._read_fd)

    def _frame_length(self) -> int:
        header, payload = lengths(bytes(self._buffer[: PREFIX.size]))
        return PREFIX.size + header + payload

    def _missing(self) -> int:
        """How many bytes a whole frame still needs, as far as can be told."""
        if len(self._buffer) < PREFIX.size:
            return PREFIX.size - len(self._buffer)
        return self._frame_length() - len(self._buffer)
