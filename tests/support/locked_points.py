"""A repository whose storage keeps versions, so that points can be locked."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from kyanite.base.clock import ManualClock
from kyanite.base.units import KIB
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import VersionedStorage
from kyanite.engine.storage.memory_versions import VersionedMemoryStorage
from support.engine import CHEAP, PASSWORD, TINY, back_up_disk

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOISE = random.Random(3).randbytes(200 * KIB)
DAY = timedelta(days=1)


class LockedPoints:
    """A repository at a time that stands still; its points are increments of one another."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.storage = VersionedMemoryStorage(self.clock)
        self.repository = Repository.create(self.storage, PASSWORD, TINY, self.clock, CHEAP)
        self.contents = bytearray(NOISE)
        self.expected: dict[str, bytes] = {}
        self.last: str | None = None

    def back_up(self, seed: int = 0) -> str:
        """One more point, an increment of the one before."""
        changes = None
        if self.last is not None:
            self.contents[: 20 * KIB] = random.Random(seed).randbytes(20 * KIB)
            changes = RangeList([ByteRange(0, 20 * KIB)])
        point = back_up_disk(
            self.repository, self.contents, parent=self.last, changes=changes, recipe=b"recipe"
        ).point
        self.last = point.session_id
        self.expected[point.session_id] = bytes(self.contents)
        return point.session_id

    def seen_through(self, storage: VersionedStorage) -> Repository:
        return Repository.open_with_master(storage, self.repository.master_key, self.clock)
