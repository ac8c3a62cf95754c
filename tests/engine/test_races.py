"""Writers, cleaners and expiries at the same time, on real threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from functools import partial

import pytest

from kyanite.base.errors import Missing, PointVoided
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import back_up_disk, change, disk_contents, restored, tiny_repository


class Scene:
    """A repository that several threads work on."""

    def __init__(self, seed: int) -> None:
        self.repository = tiny_repository(MemoryStorage())
        self.seed = seed
        self.expected: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.writing = 3
        self.errors: list[BaseException] = []

    def write(self, number: int) -> None:
        """A machine that is backed up again and again; its system is that of the others."""
        chooser = random.Random(self.seed * 100 + number)
        contents = disk_contents(random.Random(self.seed), 120 * KIB)
        parent: str | None = None
        for _ in range(15):
            changes = change(chooser, contents)
            session_id = new_id()
            try:
                back_up_disk(
                    self.repository,
                    contents,
                    session_id=session_id,
                    machine=f"m{number}",
                    parent=parent,
                    changes=changes if parent else None,
                )
            except Missing:  # the parent was expired meanwhile
                self.repository.abandon_session(session_id)
                parent = None
                continue
            parent = session_id
            with self.lock:
                self.expected[session_id] = bytes(contents)

    def expire(self) -> None:
        chooser = random.Random(self.seed)
        while self.writing:
            with self.lock:
                old = sorted(self.expected)[:-4]
                gone = chooser.choice(old) if old else None
                if gone is not None:
                    del self.expected[gone]
            if gone is not None:
                self.repository.delete_points([gone])

    def clean(self) -> None:
        while self.writing:
            self.repository.clean()

    def run(self, work: Callable[[], None], writes: bool) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self.errors.append(error)
            finally:
                if writes:
                    with self.lock:
                        self.writing -= 1

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_nothing_is_lost_while_writers_cleaners_and_expiries_run_together(seed: int) -> None:
    scene = Scene(seed)
    threads = [scene.run(partial(scene.write, number), True) for number in range(3)]
    threads += [scene.run(scene.expire, False)]
    threads += [scene.run(scene.clean, False) for _ in range(2)]
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert scene.errors == []
    points = {point.session_id: point for point in scene.repository.points()}
    assert points.keys() == scene.expected.keys()
    for session_id, contents in scene.expected.items():
        assert restored(scene.repository, points[session_id]) == contents
    assert scene.repository.verify(Level.FULL).damages == ()
    scene.repository.delete_points(list(points))
    scene.repository.clean()
    scene.repository.clean()
    left = {info.name.split("/")[0] for info in scene.repository.storage.list("")}
    assert left == {"keys", "repository", "rings"}


@pytest.mark.parametrize("moment", Moment)
def test_a_writer_that_wakes_after_another_has_ended_its_session_says_the_point_is_there(
    moment: Moment,
) -> None:
    call = 1
    while _says_so_when_frozen_at(call, moment):
        call += 1
    assert call > 10


def _says_so_when_frozen_at(call: int, moment: Moment) -> bool:
    """False: a writer does not make so many calls."""
    repository = tiny_repository(MemoryStorage())
    contents = bytearray(random.Random(call).randbytes(128 * KIB))
    first = back_up_disk(repository, contents).point.session_id
    contents[40 * KIB : 50 * KIB] = random.Random(-call).randbytes(10 * KIB)
    session_id = new_id()

    def back_up(storage: Storage) -> Point:
        changes = RangeList([ByteRange(40 * KIB, 10 * KIB)])
        return back_up_disk(
            repository,
            contents,
            session_id=session_id,
            parent=first,
            changes=changes,
            storage=storage,
        ).point

    ended: list[Point] = []

    def another_ends_it() -> None:
        ended.append(back_up(repository.storage))
        repository.delete_points([first])
        repository.clean()

    frozen = FrozenStorage(
        repository.storage, call, moment, meanwhile=another_ends_it, operations=ALL_CALLS
    )
    point = back_up(frozen)
    assert [point] == (ended or repository.points()[1:])
    assert restored(repository, point) == contents
    return frozen.seen >= call


def test_a_session_that_was_given_up_and_cleaned_away_is_not_opened_once_more() -> None:
    """A cleaner that stood still would take the point of the second session for its void."""
    contents = random.Random(6).randbytes(30 * KIB)
    call = 0
    while True:
        call += 1
        repository = tiny_repository(MemoryStorage())
        ticket = repository.open_session(new_id(), "machine", "point")
        repository.abandon_session(ticket.session_id)

        def clean_and_write(repository: Repository, session_id: str) -> None:
            repository.clean()
            with pytest.raises(PointVoided):
                back_up_disk(repository, contents, session_id=session_id, again=True)

        frozen = FrozenStorage(
            repository.storage,
            call,
            meanwhile=partial(clean_and_write, repository, ticket.session_id),
            operations=ALL_CALLS,
        )
        Repository.open_with_master(frozen, repository.master_key).clean()
        repository.clean()
        assert repository.points() == []
        assert repository.verify(Level.FULL).damages == ()
        assert repository.open_sessions() == []
        if frozen.seen < call:
            break
    assert call > 10
