"""What locks, and what cleans where locks were, in trouble at any call of the storage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from kyanite.base.errors import KyaniteError
from kyanite.engine.repack_rule import Price
from kyanite.engine.repository import Repository
from kyanite.engine.verify import Level
from support.engine import restored
from support.locked_points import DAY, LockedPoints
from support.troubles import Trouble, each_trouble, never, some_of

EAGER = Price(gib_month=1000.0, most_live=0.99)


@dataclass
class Scene:
    """``act`` can be repeated; ``days``: for how long the points are locked afterwards."""

    points: LockedPoints
    act: Callable[[Repository], object] = field(init=False)
    days: int = 0

    def lock(self, days: int) -> None:
        end = self.points.clock.now() + days * DAY
        self.act = lambda repository: repository.lock(end)
        self.days = days

    def check(self) -> None:
        repository = self.points.repository
        found = {point.session_id: point for point in repository.points()}
        assert self.points.expected.keys() <= found.keys()
        for session_id, contents in self.points.expected.items():
            assert restored(repository, found[session_id]) == contents

    def check_locks(self) -> None:
        """Everything is locked for as long as was asked, and locking again has nothing to do."""
        end = self.points.clock.now() + self.days * DAY
        report = self.points.repository.lock(end)
        assert (report.drift, report.overwritten, report.extended) == ((), (), 0)
        assert {point.protected_until for point in report.points} == {end}

    def check_no_junk(self) -> None:
        """When the locks have ended, nothing stays, in no version."""
        points = self.points
        points.clock.advance((self.days + 31) * DAY)
        points.repository.delete_points([p.session_id for p in points.repository.points()])
        for _ in range(3):
            points.repository.clean(whole=True)
        left = {version.name.split("/")[0] for version in points.storage.versions("")}
        assert left == {"keys", "repository", "rings"}


def _first_locks() -> Scene:
    scene = Scene(LockedPoints())
    scene.points.back_up()
    scene.lock(20)
    return scene


def _extension() -> Scene:
    """Locks of another time on most of what the points need; something was moved in between."""
    scene = Scene(points := LockedPoints())
    going = points.back_up()
    for seed in (1, 2):
        points.back_up(seed)
    points.repository.delete_points([going])
    del points.expected[going]
    assert points.repository.repack(EAGER).moved_packs
    points.repository.lock(points.clock.now() + 10 * DAY)
    points.clock.advance(5 * DAY)
    points.back_up(3)
    scene.lock(45)
    return scene


def _cleaning() -> Scene:
    """The locks of a point that was deleted have ended; the rest is locked for longer."""
    scene = Scene(points := LockedPoints())
    going = points.back_up()
    points.repository.lock(points.clock.now() + DAY)
    points.back_up(1)
    points.repository.lock(points.clock.now() + 90 * DAY, {points.last or ""})
    points.clock.advance(40 * DAY)
    points.repository.delete_points([going])
    del points.expected[going]
    scene.act = lambda repository: repository.clean(whole=True)
    scene.days = 50
    return scene


each_scene = pytest.mark.parametrize(
    "make", [_first_locks, _extension, _cleaning], ids=["first locks", "extension", "cleaning"]
)


@each_trouble
@each_scene
def test_trouble_at_some_calls_leaves_everything_readable_and_is_cured_by_the_next_run(
    make: Callable[[], Scene], trouble: Trouble
) -> None:
    _play(make, trouble, most=4)


@pytest.mark.slow
@each_trouble
@each_scene
def test_trouble_at_every_single_call_leaves_everything_readable_and_is_cured_by_the_next_run(
    make: Callable[[], Scene], trouble: Trouble
) -> None:
    _play(make, trouble, most=5000)


def _play(make: Callable[[], Scene], trouble: Trouble, most: int) -> None:
    whole = make()
    counted = never(whole.points.storage)
    whole.act(whole.points.seen_through(counted))
    assert counted.seen > 10
    for number in some_of(counted.seen, most):
        scene = make()
        points = scene.points
        try:
            scene.act(points.seen_through(trouble.at(points.storage, number)))
        except KyaniteError:
            scene.check()
        scene.act(points.repository)
        scene.check_locks()
        scene.check()
        assert points.repository.verify(Level.FULL).damages == ()
        scene.check_no_junk()
