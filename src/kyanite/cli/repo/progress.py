"""Progress of a command, on the error stream: a line that is written over, or lines of JSON."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Final, TextIO

from kyanite.base.units import format_bytes

_EVERY_SECONDS: Final = 1.0


class Progress:
    """A ``Control`` that tells how far it is. Silent where nobody looks.

    ``as_json``: one JSON object per line, for programs, at most one a second.
    """

    def __init__(
        self, verb: str, total_bytes: int | None, as_json: bool, stream: TextIO | None = None
    ) -> None:
        self._verb = verb
        self._total_bytes = total_bytes
        self._as_json = as_json
        self._stream = stream or sys.stderr
        self._shown = as_json or self._stream.isatty()
        self._lock = threading.Lock()
        self._began = self._told = time.monotonic()
        self._line = False
        self.read_bytes = 0
        self.processed_bytes = 0
        self.stored_bytes = 0

    def advance(self, read: int = 0, processed: int = 0, stored: int = 0) -> None:
        with self._lock:
            self.read_bytes += read
            self.processed_bytes += processed
            self.stored_bytes += stored
            now = time.monotonic()
            if self._shown and now - self._told >= _EVERY_SECONDS:
                self._told = now
                self._tell(now - self._began)

    def check(self) -> None:
        return

    def end(self) -> None:
        """Leave the line that was written over."""
        if self._line:
            self._stream.write("\n")
            self._line = False

    def _tell(self, seconds: float) -> None:
        if self._as_json:
            document = {
                "progress": self._verb,
                "readBytes": self.read_bytes,
                "processedBytes": self.processed_bytes,
                "storedBytes": self.stored_bytes,
                "totalBytes": self._total_bytes,
                "seconds": round(seconds, 1),
            }
            self._stream.write(json.dumps(document) + "\n")
        else:
            share = ""
            if self._total_bytes:
                share = f" ({min(100, 100 * self.processed_bytes // self._total_bytes)} %)"
            rate = format_bytes(int(self.processed_bytes / seconds)) if seconds else "-"
            line = f"{self._verb} {format_bytes(self.processed_bytes)}{share}, {rate}/s"
            self._stream.write(f"\r{line:<70}")
            self._line = True
        self._stream.flush()
