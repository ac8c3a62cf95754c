"""What cleaning does where versions are kept: locked objects are left alone, old versions go.

A deleted object whose version is kept still costs space, until the version is removed too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import groupby

from kyanite.base.errors import ObjectLocked
from kyanite.engine.control import Control
from kyanite.engine.format import INDEX_PREFIX
from kyanite.engine.storage.base import ObjectInfo, Storage, Version, VersionedStorage, versions_of
from kyanite.engine.storage.wrapper import StorageWrapper
from kyanite.engine.threads import parallel_map


def locked_names(storage: Storage, prefix: str, now: datetime) -> frozenset[str]:
    """Objects that nobody can delete now; none where nothing can be locked."""
    versioned = versions_of(storage)
    if versioned is None:
        return frozenset()
    return frozenset(
        version.name
        for version in versioned.versions(prefix)
        if version.current and version.locked_until is not None and version.locked_until > now
    )


class UnlockedOnly(StorageWrapper):
    """A storage as cleaning may see it: what is locked is not deleted, and not tried.

    Locked index segments are not shown: they could be merged, and would stay all the same.
    """

    def __init__(self, inner: Storage, locked: frozenset[str]) -> None:
        super().__init__(inner)
        self._locked = locked

    def delete(self, name: str) -> None:
        if name not in self._locked:
            with suppress(ObjectLocked):  # locked since we looked
                super().delete(name)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = super().list(prefix)
        if prefix.startswith(INDEX_PREFIX):
            return (info for info in found if info.name not in self._locked)
        return found


def remove_hidden_versions(storage: Storage, now: datetime, control: Control) -> int:
    """Remove the versions of objects that were deleted; returns how many.

    Left alone: what is locked, and every version of an object that is there: one that was
    written over is a sign of an attack, and its first version what a restore needs.
    """
    versioned = versions_of(storage)
    if versioned is None:
        return 0

    def remove(version: Version) -> int:
        control.check()
        try:
            versioned.delete_version(version.name, version.version_id)
        except ObjectLocked:
            return 0
        return 1

    return sum(parallel_map(remove, list(_hidden(versioned, now))))


def _hidden(storage: VersionedStorage, now: datetime) -> Iterator[Version]:
    for _, group in groupby(storage.versions(""), key=lambda version: version.name):
        versions = list(group)
        if not any(version.current for version in versions):
            for version in versions:
                if version.locked_until is None or version.locked_until <= now:
                    yield version
