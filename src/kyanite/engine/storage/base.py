"""What the engine asks of the place a repository lies in.

Every implementation passes ``tests/engine/storage_suite.py``, one that keeps versions also
``tests/engine/versions_suite.py``. The promises that the format's safety rests on
(docs/format/order.md, invariant 3) are in ``Storage.put``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias, runtime_checkable

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


@dataclass(frozen=True, slots=True)
class Version:
    """One state of an object: what was put under a name at a time.

    ``version_id`` is the storage's own word; within a name a later version has a greater
    one. ``current``: it is what ``get`` gives now; an object that was deleted has none.
    """

    name: str
    version_id: str
    size_bytes: int
    made_at: datetime
    current: bool
    locked_until: datetime | None


@runtime_checkable
class VersionedStorage(Storage, Protocol):
    """A storage that may keep what was overwritten or deleted, and may lock it.

    ``delete`` hides an object: its version stays until ``delete_version`` is asked. An
    object whose current version is locked is not even hidden (``ObjectLocked``), but one
    with the right to may write over it, and hide what he wrote. The storage's own clock
    decides, not ours.
    """

    def keeps_versions(self) -> bool:
        """Whether this place keeps versions and locks at all; else the calls below fail."""
        ...

    def lock_until(self, name: str, until: datetime) -> None:
        """Nobody may remove the current version before ``until``, whatever rights they hold.

        A lock is only ever made longer; one that is as long already is fine. The storage
        may round ``until`` up to its next second.
        """
        ...

    def locked_until(self, name: str) -> datetime | None:
        """The end of the lock on the current version, as the storage says it."""
        ...

    def versions(self, prefix: str) -> Iterator[Version]:
        """All versions of all names that start with ``prefix``, by name, oldest first."""
        ...

    def get_version(self, name: str, version_id: str) -> bytes:
        """A version whole."""
        ...

    def get_version_range(self, name: str, version_id: str, offset: int, length: int) -> bytes:
        """As ``get_range``, of a version."""
        ...

    def delete_version(self, name: str, version_id: str) -> None:
        """Remove a hidden version for good; a missing one is fine. Raises ``ObjectLocked``.

        The current version is refused: delete the object first.
        """
        ...


def versions_of(storage: Storage) -> VersionedStorage | None:
    """``storage`` itself if it keeps versions, else nothing."""
    if isinstance(storage, VersionedStorage) and storage.keeps_versions():
        return storage
    return None


def check_name(name: str) -> str:
    """``name`` if it is a legal object name: no way out of the repository's folder."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise StorageError(f"{name[:80]!r} is not a name for an object of a repository.")
    return name
