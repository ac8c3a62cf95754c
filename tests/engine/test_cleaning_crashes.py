"""Cleaning and repacking that die, fail or lose an answer at any call of the storage."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from kyanite.base.errors import KyaniteError, PointVoided, StorageUnavailable
from kyanite.base.units import KIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repack_rule import Price
from kyanite.engine.repository import Repository
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import back_up_disk, restored, tiny_repository

EAGER = Price(gib_month=1000.0, most_live=0.9)
THRIFTY = CleaningRules(ledger_from_points=1, small_packs=0)
SIZE = 160 * KIB


@dataclass
class Scene:
    """Two machines with points, some expired; and what each point must hold."""

    storage: MemoryStorage = field(default_factory=MemoryStorage)
    master_key: bytes = b""
    expected: dict[str, bytes] = field(default_factory=dict)

    def open(self, storage: MemoryStorage | FaultyStorage | None = None) -> Repository:
        return Repository.open_with_master(storage or self.storage, self.master_key)

    def copy(self) -> Scene:
        return Scene(self.storage.copy(), self.master_key, dict(self.expected))

    def check(self, level: Level) -> None:
        repository = self.open()
        points = {point.session_id: point for point in repository.points()}
        assert points.keys() == self.expected.keys()
        for session_id, point in points.items():
            assert restored(repository, point) == self.expected[session_id]
        assert repository.verify(level).damages == ()

    def check_no_junk(self) -> None:
        repository = self.open()
        for session_id in repository.open_sessions():
            repository.abandon_session(session_id)
        repository.clean()
        repository.delete_points(list(self.expected))
        repository.clean()
        repository.clean()
        left = {info.name.split("/")[0] for info in self.storage.list("")}
        assert left <= {"keys", "repository", "rings"}


def _scene() -> Scene:
    chooser = random.Random(8)
    scene = Scene()
    repository = tiny_repository(scene.storage)
    scene.master_key = repository.master_key
    going: list[str] = []
    for machine in ("a", "b"):
        contents = bytearray(chooser.randbytes(SIZE))
        parent = back_up_disk(repository, contents, machine=machine).point.session_id
        going.append(parent)
        for offset, length in ((0, 100 * KIB), (4 * KIB * chooser.randrange(20), 48 * KIB)):
            contents[offset : offset + length] = chooser.randbytes(length)
            changes = RangeList([ByteRange(offset, length)])
            parent = back_up_disk(
                repository, contents, machine=machine, parent=parent, changes=changes
            ).point.session_id
            scene.expected[parent] = bytes(contents)
    repository.clean(rules=THRIFTY)
    repository.delete_points(going)
    return scene


def _clean(repository: Repository) -> None:
    repository.clean()


def _clean_thriftily(repository: Repository) -> None:
    repository.clean(rules=THRIFTY)


def _repack(repository: Repository) -> None:
    repository.repack(EAGER)


def _repack_and_clean(repository: Repository) -> None:
    repository.repack(EAGER)
    repository.clean(rules=THRIFTY)


ACTS = [_clean, _clean_thriftily, _repack, _repack_and_clean]


def _struck(
    scene: Scene, act: Callable[[Repository], None], moment: Moment, dead: bool, stride: int
) -> Iterator[tuple[int, Scene, bool]]:
    """Copies of the scene in which ``act`` met trouble at one call; and whether it failed."""
    for number in range(1, 5000, stride):
        copy = scene.copy()
        faulty = FaultyStorage(copy.storage, number, moment, dead=dead, operations=ALL_CALLS)
        failed = False
        try:
            act(copy.open(faulty))
        except (StorageUnavailable, PointVoided):
            failed = True
        if faulty.seen < number:
            return
        yield number, copy, failed
    raise AssertionError("the act never ends")


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("dead", [True, False])
def test_trouble_at_some_calls_loses_nothing_and_the_next_run_ends_right(
    act: Callable[[Repository], None], moment: Moment, dead: bool
) -> None:
    _check_all(act, moment, dead, stride=7, level=Level.PRESENT)


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("dead", [True, False])
def test_trouble_at_every_single_call_loses_nothing_and_the_next_run_ends_right(
    act: Callable[[Repository], None], moment: Moment, dead: bool
) -> None:
    _check_all(act, moment, dead, stride=1, level=Level.FULL)


def _check_all(
    act: Callable[[Repository], None], moment: Moment, dead: bool, stride: int, level: Level
) -> None:
    scene = _scene()
    right = scene.copy()
    act(right.open())
    right.open().clean()
    count = 0
    for _, struck, _ in _struck(scene, act, moment, dead, stride):
        count += 1
        struck.check(level)
        act(struck.open())
        struck.open().clean()
        struck.check(level)
        assert _packs(struck) <= _packs(right) + 16 * KIB
        struck.check_no_junk()
    assert count > 3


def _packs(scene: Scene) -> int:
    return sum(info.size_bytes for info in scene.storage.list("packs/"))


def test_a_cleaning_that_cannot_read_something_says_so_and_deletes_nothing() -> None:
    scene = _scene()
    victim = sorted(scene.expected)[0]
    scene.storage.overwrite(f"points/{victim}", b"rubbish")
    before = _packs(scene)
    for rules in (None, THRIFTY):
        with pytest.raises(KyaniteError):
            scene.open().clean(rules=rules)
    assert _packs(scene) == before


def test_ledgers_that_are_lost_or_damaged_are_made_anew() -> None:
    scene = _scene()
    (ledger,) = scene.storage.list("ledger/")
    for rubbish in (None, b"rubbish", b""):
        copy = scene.copy()
        copy.storage.delete(ledger.name)
        if rubbish is not None:
            copy.storage.overwrite(ledger.name, rubbish)
        copy.open().clean(rules=THRIFTY)
        copy.check(Level.PRESENT)
        assert len(list(copy.storage.list("ledger/"))) == 1
        copy.check_no_junk()


def test_a_plan_says_what_a_cleaning_frees_and_writes_nothing() -> None:
    scene = _scene()
    names = {info.name for info in scene.storage.list("")}
    for rules in (None, THRIFTY):
        plan = scene.open().plan_cleaning(rules=rules)
        assert {info.name for info in scene.storage.list("")} == names
        report = scene.copy().open().clean(rules=rules)
        assert (len(plan.unused), plan.unused_bytes) == (
            report.deleted_packs,
            report.freed_bytes,
        )
        assert plan.whole is (rules is None)
        assert report.freed_bytes > 0
