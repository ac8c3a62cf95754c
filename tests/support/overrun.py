"""The worst that somebody with all rights on the storage can do to a locked repository."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from kyanite.base.errors import ObjectLocked, StorageDenied
from kyanite.base.units import KIB
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.as_of import AsOfStorage
from kyanite.engine.storage.base import VersionedStorage
from kyanite.engine.verify import Level
from support.engine import CHEAP, PASSWORD, TINY, back_up_disk, restored

NOISE = random.Random(3).randbytes(200 * KIB)


def overrun(versioned: VersionedStorage, overwrite: Callable[[str, bytes], None]) -> None:
    """Somebody with all rights does all he can to a locked repository; it comes back."""
    repository = Repository.create(versioned, PASSWORD, TINY, cost=CHEAP)
    contents = bytearray(NOISE)
    first = back_up_disk(repository, contents, recipe=b"first").point
    contents[: 20 * KIB] = bytes(20 * KIB)
    second = back_up_disk(
        repository,
        contents,
        parent=first.session_id,
        changes=RangeList([ByteRange(0, 20 * KIB)]),
        recipe=b"second",
    ).point
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    assert {one.protected_until for one in repository.lock(end).points} == {end}
    before = max(version.made_at for version in versioned.versions(""))

    names = [info.name for info in versioned.list("")]
    for name in names:
        with pytest.raises(ObjectLocked):
            versioned.delete(name)
        overwrite(name, b"garbage")
        versioned.delete(name)
    for version in list(versioned.versions("")):
        try:
            versioned.delete_version(version.name, version.version_id)
        except ObjectLocked:
            continue
    assert list(versioned.list("")) == []

    seen = Repository.open(AsOfStorage(versioned, before), PASSWORD)
    points = {point.session_id: point for point in seen.points()}
    assert restored(seen, points[first.session_id]) == NOISE
    assert restored(seen, points[second.session_id]) == bytes(contents)
    assert [points[one.session_id].recipe for one in (first, second)] == [b"first", b"second"]
    assert seen.verify(Level.FULL).damages == ()
    with pytest.raises(StorageDenied):
        seen.delete_points([first.session_id])
