"""Each flow that changes a repository, in trouble at each call of the storage.

Three kinds of trouble: the process stops after the call, the call fails, the answer is lost;
and the process stops before it. Afterwards every finished point restores, the flow ends right
when it is repeated, verifying finds nothing, and cleaning finds everything that is left.
Cleaning and repacking are in test_cleaning_crashes, key changes in test_key_crashes, copies in
test_copying, lock runs in test_locks.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import pytest

from kyanite.base.errors import KyaniteError
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import back_up_disk, restored, tiny_repository

_NOISE = random.Random(21).randbytes(120 * KIB)
_NEXT = random.Random(22).randbytes(16 * KIB) + _NOISE[16 * KIB :]
_CHANGED = _NOISE[:-8] + b"changed!"
_SESSION = new_id()


@dataclass
class Scene:
    """A repository, and what its finished points must hold."""

    storage: MemoryStorage = field(default_factory=MemoryStorage)
    master_key: bytes = b""
    expected: dict[str, bytes] = field(default_factory=dict)

    def open(self, storage: Storage | None = None) -> Repository:
        return Repository.open_with_master(storage or self.storage, self.master_key)

    def copy(self) -> Scene:
        return Scene(self.storage.copy(), self.master_key, dict(self.expected))

    def check(self, level: Level | None) -> None:
        """Everything finished restores; with a level, verifying finds nothing either."""
        repository = self.open()
        points = {point.session_id: point for point in repository.points()}
        assert self.expected.keys() <= points.keys()
        for session_id, contents in self.expected.items():
            assert restored(repository, points[session_id]) == contents
        if level is not None:
            assert repository.verify(level).damages == ()

    def check_no_junk(self) -> None:
        repository = self.open()
        for session_id in repository.open_sessions():
            repository.abandon_session(session_id)
        repository.delete_points([point.session_id for point in repository.points()])
        for _ in range(3):
            repository.clean(whole=True)
        left = {info.name.split("/")[0] for info in self.storage.list("")}
        assert left <= {"keys", "repository", "rings", "verified"}

    def point(self, contents: bytes, **other: object) -> str:
        made = back_up_disk(self.open(), contents, **other).point.session_id  # type: ignore[arg-type]
        self.expected[made] = contents
        return made


@cache
def _points() -> Scene:
    """Two machines; the first has two points."""
    scene = Scene()
    scene.master_key = tiny_repository(scene.storage).master_key
    first = scene.point(_NOISE)
    changes = RangeList([ByteRange(0, 16 * KIB)])
    scene.point(_NEXT, parent=first, changes=changes)
    scene.point(_NOISE[: 40 * KIB], machine="other")
    return scene


@cache
def _many_segments() -> Scene:
    scene = _points().copy()
    for number in range(8):
        scene.point(random.Random(number).randbytes(4 * KIB), machine=f"m{number}")
    return scene


@cache
def _damaged() -> Scene:
    """A pack is damaged, and everything that was in it was stored anew since."""
    scene = _points().copy()
    first = next(iter(scene.expected))
    name = next(scene.storage.list(f"packs/{first}/")).name
    data = bytearray(scene.storage.get(name))
    data[200] ^= 1
    scene.storage.overwrite(name, bytes(data))
    return scene


@cache
def _noted() -> Scene:
    scene = _damaged().copy()
    repository = scene.open()
    repository.remember(repository.verify(Level.FULL))
    for contents in (_NOISE, _NEXT):
        scene.point(contents, machine="again")
    return scene


def _write(repository: Repository) -> None:
    back_up_disk(repository, _NEXT[::-1], session_id=_SESSION)


def _write_increment(repository: Repository) -> None:
    parent = next(p for p in repository.points() if p.machine_id == "machine")
    back_up_disk(
        repository,
        _CHANGED,
        session_id=_SESSION,
        parent=parent.session_id,
        changes=RangeList([ByteRange(len(_NOISE) - 8, 8)]),
    )


def _delete(repository: Repository) -> None:
    repository.delete_points([p.session_id for p in repository.points() if p.machine_id == "other"])


def _merge(repository: Repository) -> None:
    repository.tidy_index()


def _rebuild(repository: Repository) -> None:
    repository.rebuild_index()


def _remember(repository: Repository) -> None:
    repository.remember(repository.verify(Level.FULL))


def _repair(repository: Repository) -> None:
    repair(repository)


@dataclass(frozen=True)
class Flow:
    """``whole``: its end leaves a repository in which verifying finds nothing."""

    scene: Callable[[], Scene]
    act: Callable[[Repository], None]
    whole: bool = True
    goes: str = ""  # a machine whose points may be gone
    adds: bytes | None = None  # what its point must hold
    hurt: bool = False  # points cannot be restored before and after


FLOWS = {
    "write": Flow(_points, _write, adds=_NEXT[::-1]),
    "write an increment": Flow(_points, _write_increment, adds=_CHANGED),
    "delete": Flow(_points, _delete, goes="other"),
    "merge": Flow(_many_segments, _merge),
    "rebuild the index": Flow(_many_segments, _rebuild),
    "remember": Flow(_damaged, _remember, whole=False, hurt=True),
    "repair": Flow(_noted, _repair),
}
TROUBLE = {
    "stops before": (Moment.BEFORE, True),
    "stops after": (Moment.AFTER, True),
    "fails": (Moment.BEFORE, False),
    "answer lost": (Moment.AFTER, False),
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("flow", FLOWS)
def test_trouble_at_some_calls(flow: str, trouble: str) -> None:
    _play(FLOWS[flow], *TROUBLE[trouble], most=9, level=Level.PRESENT)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("flow", FLOWS)
def test_trouble_at_every_single_call(flow: str, trouble: str) -> None:
    _play(FLOWS[flow], *TROUBLE[trouble], most=5000, level=Level.FULL)


def _play(flow: Flow, moment: Moment, dead: bool, *, most: int, level: Level) -> None:
    scene = flow.scene().copy()
    if flow.goes:
        gone = [p.session_id for p in scene.open().points() if p.machine_id == flow.goes]
        scene.expected = {one: b for one, b in scene.expected.items() if one not in gone}
    if flow.hurt:
        scene.expected = {}
    counted = FaultyStorage(scene.copy().storage, 0, operations=ALL_CALLS)
    flow.act(scene.open(counted))
    calls = counted.seen
    assert calls > 3
    stride = max(1, calls // most)
    for number in range(1, calls + 1, stride):
        struck = scene.copy()
        faulty = FaultyStorage(struck.storage, number, moment, dead=dead, operations=ALL_CALLS)
        try:
            flow.act(struck.open(faulty))
        except KyaniteError:
            struck.check(None)
        flow.act(struck.open())
        if flow.adds is not None:
            struck.expected[_SESSION] = flow.adds
        struck.open().clean(whole=True)
        struck.check(level if flow.whole else None)
        struck.check_no_junk()
