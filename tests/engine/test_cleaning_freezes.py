"""Somebody stands still at a call of the storage, for as long as all others care to work."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from kyanite.base.errors import Missing, PointVoided
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repack_rule import Price
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import back_up_disk, restored, tiny_repository

EAGER = Price(gib_month=1000.0, most_live=0.95)
THRIFTY = CleaningRules(ledger_from_points=1, small_packs=0)
SIZE = 200 * KIB


@dataclass
class House:
    """Two points of one machine, the older one about to go, and the next backup."""

    storage: MemoryStorage = field(default_factory=MemoryStorage)
    expected: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chooser = random.Random(12)
        self.repository = tiny_repository(self.storage)
        contents = bytearray(chooser.randbytes(SIZE))
        self.old_contents = bytes(contents)
        self.old = back_up_disk(self.repository, contents).point.session_id
        contents[: 90 * KIB] = chooser.randbytes(90 * KIB)
        self.parent = back_up_disk(
            self.repository,
            contents,
            parent=self.old,
            changes=RangeList([ByteRange(0, 90 * KIB)]),
        ).point.session_id
        self.expected[self.parent] = bytes(contents)
        self.repository.clean(rules=THRIFTY)
        # The next one has something new, and something that only the oldest point has.
        contents[100 * KIB : 160 * KIB] = chooser.randbytes(60 * KIB)
        contents[: 60 * KIB] = self.old_contents[: 60 * KIB]
        self.contents = bytes(contents)
        self.changes = RangeList([ByteRange(0, 60 * KIB), ByteRange(100 * KIB, 60 * KIB)])
        self.session_id = new_id()

    def open(self, storage: Storage) -> Repository:
        return Repository.open_with_master(storage, self.repository.master_key)

    def back_up(self, storage: Storage) -> None:
        back_up_disk(
            self.open(storage),
            self.contents,
            session_id=self.session_id,
            parent=self.parent,
            changes=self.changes,
        )
        self.expected[self.session_id] = self.contents

    def tidy_up(self) -> None:
        """Expire the oldest point; clean and repack as if nobody were there."""
        self.repository.delete_points([self.old])
        self.repository.clean(rules=THRIFTY)
        self.repository.repack(EAGER)
        self.repository.clean()
        self.repository.clean(rules=THRIFTY)

    def void_and_tidy_up(self) -> None:
        for one in self.repository.open_sessions():
            self.repository.abandon_session(one)
        self.tidy_up()
        self.repository.delete_points([self.parent])
        self.expected.pop(self.parent, None)
        self.repository.clean()

    def check(self) -> None:
        points = {point.session_id: point for point in self.repository.points()}
        points.pop(self.old, None)
        assert points.keys() == self.expected.keys()
        for session_id, point in points.items():
            assert restored(self.repository, point) == self.expected[session_id]
        assert self.repository.verify(Level.FULL).damages == ()
        for one in self.repository.open_sessions():
            self.repository.abandon_session(one)
        self.repository.delete_points([self.old, *points])
        self.repository.clean()
        self.repository.clean()
        left = {info.name.split("/")[0] for info in self.storage.list("")}
        assert left <= {"keys", "repository", "rings"}


def _clean_thriftily(house: House, storage: Storage) -> None:
    house.open(storage).clean(rules=THRIFTY)


def _clean(house: House, storage: Storage) -> None:
    house.repository.delete_points([house.old])
    house.open(storage).clean()


def _repack(house: House, storage: Storage) -> None:
    house.open(storage).repack(EAGER)


def _back_up_and_tidy_up(house: House) -> None:
    """Of a frozen writer: another process takes its session over and ends it."""
    house.back_up(house.storage)
    house.tidy_up()


WHO = [House.back_up, _clean, _clean_thriftily, _repack]
MEANWHILE = [House.tidy_up, House.void_and_tidy_up, _back_up_and_tidy_up]


def _freeze_at(
    number: int,
    who: Callable[[House, Storage], None],
    meanwhile: Callable[[House], None],
    moment: Moment,
) -> bool:
    """Whether there is such a call."""
    house = House()
    frozen = FrozenStorage(
        house.storage,
        number,
        moment,
        meanwhile=lambda: meanwhile(house),
        operations=ALL_CALLS,
    )
    try:
        who(house, frozen)
    except (PointVoided, Missing):
        assert who in (House.back_up, _repack)
    if who is House.back_up:
        announced = {point.session_id for point in house.repository.points()}
        if house.session_id in announced:
            house.expected[house.session_id] = house.contents
        else:  # voided
            assert meanwhile is House.void_and_tidy_up
            house.expected.pop(house.session_id, None)
    house.check()
    return frozen.seen >= number


def _freeze_everywhere(
    who: Callable[[House, Storage], None],
    meanwhile: Callable[[House], None],
    moment: Moment,
    first: int,
    stride: int,
) -> None:
    number = first
    while _freeze_at(number, who, meanwhile, moment):
        number += stride
    assert number > 20


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("who", WHO)
def test_a_freeze_at_some_calls_loses_nothing(
    who: Callable[[House, Storage], None], meanwhile: Callable[[House], None]
) -> None:
    _freeze_everywhere(who, meanwhile, Moment.AFTER, first=3, stride=9)


@pytest.mark.slow
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("who", WHO)
def test_a_freeze_at_every_single_call_loses_nothing(
    who: Callable[[House, Storage], None], meanwhile: Callable[[House], None], moment: Moment
) -> None:
    _freeze_everywhere(who, meanwhile, moment, first=1, stride=1)
