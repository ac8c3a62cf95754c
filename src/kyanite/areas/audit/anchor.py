"""The head of the chain, noted outside of the database.

Whoever can write the database could put back an older state of it, head and seal included; of
that the database itself shows nothing. So each process notes the head it has seen last in a file
of the appliance's folder. The note may lag behind the log, never be ahead of it.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Final

from kyanite.areas.audit.chain import Head
from kyanite.base.errors import Damaged

_log = logging.getLogger(__name__)

FILE_NAME: Final = "audit.head"


class Anchor:
    """The note in a file. Thread-safe; several processes may share one file."""

    def __init__(self, file: Path) -> None:
        """A note that cannot be read is as none: a disk that failed must not keep the appliance
        from starting, and whoever can spoil the file can remove it as well."""
        self._file = file
        self._lock = threading.Lock()
        try:
            self._noted = self.read() or Head()
        except Damaged as error:
            _log.warning("%s", error)
            self._noted = Head()

    @property
    def noted(self) -> Head:
        """The last head that is known to be durable."""
        return self._noted

    def note(self, head: Head) -> None:
        """Note a head that is durable in the database, unless a later one is noted."""
        with self._lock:
            if head.number <= self._noted.number:
                return
            scratch = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
            scratch.write_text(f"{head.number} {head.hash}\n")
            scratch.replace(self._file)
            self._noted = head

    def read(self) -> Head | None:
        """Number and hash that were noted; None if nothing was. Raises `Damaged`."""
        try:
            text = self._file.read_text().split()
        except FileNotFoundError:
            return None
        if len(text) != 2 or not text[0].isdecimal():
            raise Damaged(f"{self._file} does not hold the head of the audit log any more.")
        return Head(int(text[0]), text[1])
