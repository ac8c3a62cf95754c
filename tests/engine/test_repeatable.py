"""Same input, keys, clock and random source: same bytes in the storage, with one worker thread."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kyanite.base.clock import ManualClock
from kyanite.base.units import KIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.copying import copy_points
from kyanite.engine.excision import excise
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.randomness import Randomness, drawn_from
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repack_rule import Price
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from seeded_randomness import SeededRandomness
from support.engine import (
    CHEAP,
    ONE_THREAD,
    PASSWORD,
    TINY,
    back_up_disk,
    disk_contents,
    objects_of,
)

THRIFTY = CleaningRules(ledger_from_points=1, small_packs=0)


class Watched:
    """Counts what is drawn."""

    def __init__(self, source: Randomness) -> None:
        self._source = source
        self.drawn = 0

    def draw(self, count: int) -> bytes:
        self.drawn += count
        return self._source.draw(count)


def everything(source: Randomness, settings: RepositorySettings = TINY) -> dict[str, bytes]:
    """The life of a repository; all that is in the storage afterwards."""
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    storage = MemoryStorage(clock)
    chooser = random.Random(3)
    contents = disk_contents(chooser, 200 * KIB)
    seen: dict[str, bytes] = {}
    with drawn_from(source):
        repository = Repository.create(storage, PASSWORD, settings, clock, CHEAP)
        parent = None
        for _ in range(4):
            clock.advance(timedelta(hours=1))
            at = 4 * KIB * chooser.randrange(40)
            contents[at : at + 20 * KIB] = chooser.randbytes(20 * KIB)
            point = back_up_disk(
                repository,
                contents,
                session_id=repository.new_session_id(),
                parent=parent,
                changes=RangeList([ByteRange(at, 20 * KIB)]) if parent else None,
                clock=clock,
            ).point
            first, parent = parent, point.session_id
        repository.new_recovery_key()
        repository.rotate_keys([NewPassword(PASSWORD, "label")], cost=CHEAP)
        seen |= objects_of(storage)
        for deleted in sorted({point.parent or "", first or ""} - {""}):
            repository.delete_points([deleted])
        repository.clean(rules=THRIFTY)
        repository.repack(Price(gib_month=1000.0, most_live=0.9))
        repository.rebuild_index()
        seen |= objects_of(storage)
        excise(repository, point.session_id)
        back_up_disk(repository, contents, session_id=repository.new_session_id(), clock=clock)
        repair(repository)
        repository.remember(repository.verify(Level.FULL))
        there = MemoryStorage(clock)
        copy_points(
            repository,
            Repository.create(there, PASSWORD, settings, clock, CHEAP),
            repository.points(),
            parallelism=ONE_THREAD,
        )
    copies = {f"copies/{name}": data for name, data in objects_of(there).items()}
    return seen | objects_of(storage) | copies


def test_the_same_source_gives_the_same_bytes() -> None:
    source = Watched(SeededRandomness(1))
    assert everything(source) == everything(SeededRandomness(1))
    assert source.drawn > 1000


def test_the_same_source_gives_the_same_bytes_with_aligned_cuts() -> None:
    settings = RepositorySettings()
    assert everything(SeededRandomness(2), settings) == everything(SeededRandomness(2), settings)


def test_another_source_gives_other_names_keys_and_bytes() -> None:
    one, other = everything(SeededRandomness(1)), everything(SeededRandomness(4))
    assert one.keys() & other.keys() == {"repository", "copies/repository"}
    assert one["repository"] != other["repository"]


def test_nothing_in_the_engine_draws_past_the_source() -> None:
    engine = Path(__file__).resolve().parents[2] / "src" / "kyanite" / "engine"
    past = ("os.urandom", "secrets.token", "uuid4", "uuid7", "new_id()")
    allowed = {
        "randomness.py",  # the source of the system itself
        "index_cache.py",  # names of temporary files beside the storage
        "folder.py",
        "folder_versions.py",
    }
    found = {
        path.name
        for path in engine.rglob("*.py")
        if any(word in path.read_text(encoding="utf-8") for word in past)
    }
    assert found <= allowed
