"""Each flow that changes a repository, in trouble at each call of the storage.

The process stops before the call or after it, the call fails, or its answer is lost. Afterwards
every finished point restores, the flow ends right when it is repeated, verifying finds nothing,
and cleaning finds everything that is left.
Cleaning and repacking are in test_cleaning_crashes, key changes in test_key_crashes, copies in
test_copy_crashes, lock runs in test_lock_crashes, the making of a repository in test_crashes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

import pytest

from kyanite.base.errors import KyaniteError, StorageUnavailable
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.excision import excise
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import FaultyStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import back_up_disk, restored, tiny_repository
from support.troubles import Trouble, each_trouble, never, some_of

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
def _remembered() -> Scene:
    scene = _damaged().copy()
    repository = scene.open()
    repository.remember(repository.verify(Level.FULL))
    return scene


@cache
def _noted() -> Scene:
    scene = _remembered().copy()
    _store_anew(scene)
    return scene


@cache
def _second() -> Repository:
    """The first machine backed up somewhere else, too."""
    repository = tiny_repository(MemoryStorage())
    for contents in (_NOISE, _NEXT):
        back_up_disk(repository, contents)
    return repository


@cache
def _begun() -> Scene:
    """A backup that was left before its commit, with packs."""
    scene = _points().copy()
    with suppress(StorageUnavailable):  # after the session object and two packs
        _write(scene.open(FaultyStorage(scene.storage, 4)))
    assert len(list(scene.storage.list(f"packs/{_SESSION}/"))) == 2
    return scene


def _store_anew(scene: Scene) -> None:
    for contents in (_NOISE, _NEXT):
        scene.point(contents, machine="again")


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


def _repair_from_second(repository: Repository) -> None:
    repair(repository, _second())


def _excise(repository: Repository) -> None:
    excise(repository, next(iter(_points().expected)))


def _give_up(repository: Repository) -> None:
    repository.abandon_session(_SESSION)


def _nothing(_: Scene) -> None:
    """All points are whole at the end."""


def _store_anew_and_repair(scene: Scene) -> None:
    """What makes points whole that the end of a flow leaves with holes."""
    _store_anew(scene)
    repair(scene.open())


@dataclass(frozen=True)
class Flow:
    """``hurt``: points may have holes, until ``then`` has followed the flow."""

    scene: Callable[[], Scene]
    act: Callable[[Repository], None]
    goes: str = ""  # a machine whose points may be gone
    adds: bytes | None = None  # what its point must hold
    hurt: bool = False
    then: Callable[[Scene], None] = _nothing


FLOWS = {
    "write": Flow(_points, _write, adds=_NEXT[::-1]),
    "write an increment": Flow(_points, _write_increment, adds=_CHANGED),
    "give up": Flow(_begun, _give_up),
    "delete": Flow(_points, _delete, goes="other"),
    "merge": Flow(_many_segments, _merge),
    "rebuild the index": Flow(_many_segments, _rebuild),
    "remember": Flow(_damaged, _remember, hurt=True, then=_store_anew_and_repair),
    "excise": Flow(_points, _excise, hurt=True, then=_store_anew_and_repair),
    "repair": Flow(_noted, _repair),
    "repair from a second": Flow(_remembered, _repair_from_second, hurt=True),
}
each_flow = pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)


@each_trouble
@each_flow
def test_trouble_at_some_calls(flow: Flow, trouble: Trouble) -> None:
    _play(flow, trouble, most=7, level=Level.PRESENT)


@pytest.mark.slow
@each_trouble
@each_flow
def test_trouble_at_every_single_call(flow: Flow, trouble: Trouble) -> None:
    _play(flow, trouble, most=5000, level=Level.FULL)


def _play(flow: Flow, trouble: Trouble, *, most: int, level: Level) -> None:
    scene = flow.scene().copy()
    if flow.goes:
        gone = [p.session_id for p in scene.open().points() if p.machine_id == flow.goes]
        scene.expected = {one: b for one, b in scene.expected.items() if one not in gone}
    counted = never(scene.copy().storage)
    flow.act(scene.open(counted))
    assert counted.seen > 3
    for number in some_of(counted.seen, most):
        struck = scene.copy()
        try:
            flow.act(struck.open(trouble.at(struck.storage, number)))
        except KyaniteError:
            if not flow.hurt:
                struck.check(None)
        flow.act(struck.open())
        if flow.adds is not None:
            struck.expected[_SESSION] = flow.adds
        flow.then(struck)
        struck.open().clean(whole=True)
        struck.check(level)
        struck.check_no_junk()
