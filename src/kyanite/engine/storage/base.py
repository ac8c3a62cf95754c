"""What the engine asks of the place a repository lies in.

Every implementation passes ``tests/engine/storage_suite.py``. The promises that the
format's safety rests on (docs/format/order.md, invariant 3) are in ``Storage.put``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from kyanite.base.errors import StorageError

Data: TypeAlias = bytes | bytearray | memoryview

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
_LONGEST_NAME: Final = 512  # far below what any storage allows


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as a listing shows it. ``modified_at`` is the storage's own clock."""

    name: str
    size_bytes: int
    modified_at: datetime


class Storage(Protocol):
    """A flat space of immutable objects. Thread-safe.

    Raises ``ObjectExists``, ``ObjectMissing``, ``StorageDenied`` (rights; an expired
    credential) and ``StorageUnavailable`` (may work later).
    """

    def put(self, name: str, data: Data) -> None:
        """Store a new object: create-only, whole or not at all, durable on return.

        Raises ``ObjectExists`` when there is one of that name; it is left as it was.
        An implementation that repeats a put whose answer was lost may find its own
        identical bytes and succeed. ``data`` is not kept after the return.
        """
        ...

    def get(self, name: str) -> bytes:
        """The whole object."""
        ...

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only where the object ends.

        A negative ``offset`` counts from the end (-100, 100: the last 100 bytes; of a
        smaller object all bytes).
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose name starts with ``prefix``, sorted by name.

        An object that was put before the call began is in it; an error is raised rather
        than a listing cut short.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove the object; one that is missing is fine."""
        ...

    def size(self, name: str) -> int:
        """Size of the object in bytes."""
        ...


def check_name(name: str) -> str:
    """``name`` if it is a legal object name: no way out of the repository's folder."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise StorageError(f"{name[:80]!r} is not a name for an object of a repository.")
    return name
