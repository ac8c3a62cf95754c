"""A key change that dies, is refused or loses its answer at any call can be repeated."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import pytest

from kyanite.base.errors import Conflict, NotFound, StorageUnavailable, WrongKey
from kyanite.base.units import KIB
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.repository import Repository
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import CHEAP, PASSWORD, back_up_disk, restored, tiny_repository
from support.troubles import Trouble, each_trouble

NOISE = random.Random(4).randbytes(100 * KIB)


class House:
    """A repository with a point, two passwords and a recovery key."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        repository = tiny_repository(self.storage)
        self.second = repository.add_password("second", CHEAP)
        self.printed = repository.new_recovery_key()
        self.session_id = back_up_disk(repository, NOISE).point.session_id
        self.master_keys = [repository.master_key]

    def again(self) -> House:
        """The same before anything was done to it."""
        other = copy(self)
        other.storage = self.storage.copy()
        other.master_keys = self.master_keys[:1]
        return other

    def opening(self, passwords: Sequence[str]) -> list[str]:
        """Which of these passwords open; each that does opens everything."""
        good = []
        for password in passwords:
            try:
                repository = Repository.open(self.storage, password)
            except WrongKey:
                continue
            good.append(password)
        assert good
        assert restored(repository, repository.read_point(self.session_id)) == NOISE
        assert repository.verify(Level.FULL).damages == ()
        return good

    def objects(self, password: str) -> list[str]:
        """Kinds of objects of keys, after cleaning."""
        Repository.open(self.storage, password).clean()
        names = [info.name.split("/")[0] for info in self.storage.list("")]
        return [name for name in names if name in ("keys", "rings")]


def _add(repository: Repository, house: House) -> None:
    if not repository.check_password("third"):
        repository.add_password("third", CHEAP)


def _change(repository: Repository, house: House) -> None:
    repository.change_password("third", "second", CHEAP)


def _remove(repository: Repository, house: House) -> None:
    repository.remove_key_slot(house.second)


def _rotate(repository: Repository, house: House) -> None:
    repository.rotate_keys([NewPassword("third")], prepared=house.master_keys.append, cost=CHEAP)


def _hand_over(repository: Repository, house: House) -> None:
    repository.hand_over("third", CHEAP)


def _print_anew(repository: Repository, house: House) -> None:
    house.printed = repository.new_recovery_key()


@dataclass(frozen=True)
class Change:
    """``always``: who may open before and afterwards; ``at_the_end``: who opens when it is done."""

    act: Callable[[Repository, House], None]
    always: Sequence[str]
    at_the_end: Sequence[str]
    recovery_keys: int = 1


CHANGES = {
    "add": Change(_add, [PASSWORD, "second"], [PASSWORD, "second", "third"]),
    "change": Change(_change, [PASSWORD], [PASSWORD, "third"]),
    "remove": Change(_remove, [PASSWORD], [PASSWORD]),
    "rotate": Change(_rotate, [], ["third"], recovery_keys=0),
    "hand over": Change(_hand_over, [], ["third"]),
    "print anew": Change(_print_anew, [PASSWORD, "second"], [PASSWORD, "second"]),
}
EVERYBODY = [PASSWORD, "second", "third"]


each_change = pytest.mark.parametrize("change", CHANGES)


@each_trouble
@each_change
def test_a_key_change_in_trouble_at_some_calls_locks_nobody_out_and_can_be_repeated(
    change: str, trouble: Trouble
) -> None:
    _play(change, trouble, stride=3)


@pytest.mark.slow
@each_trouble
@each_change
def test_a_key_change_in_trouble_at_any_call_locks_nobody_out_and_can_be_repeated(
    change: str, trouble: Trouble
) -> None:
    _play(change, trouble, stride=1)


def _play(change: str, trouble: Trouble, stride: int) -> None:
    wanted = CHANGES[change]
    first = House()
    for number in range(1, 100, stride):
        house = first.again()
        faulty = trouble.at(house.storage, number)
        try:
            wanted.act(Repository.open(faulty, PASSWORD), house)
            through = True
        except (StorageUnavailable, Conflict):
            through = False
        good = house.opening(EVERYBODY)
        assert good, f"nobody opens after call {number}"
        assert set(wanted.always) <= set(good)
        if through:
            assert good == wanted.at_the_end
        # Whoever kept both master keys, as an appliance does, gets in.
        assert _one_opens(house)
        if not through:
            with_this = good[0]
            try:
                wanted.act(Repository.open(house.storage, with_this), house)
            except (WrongKey, NotFound):
                assert change in ("change", "remove")  # the old slot was gone already
        assert house.opening(EVERYBODY) == wanted.at_the_end
        slots = len(wanted.at_the_end) + wanted.recovery_keys
        assert house.objects(wanted.at_the_end[0]) == ["keys"] * slots + ["rings"]
        if wanted.recovery_keys:
            Repository.open(house.storage, house.printed)
        if through and faulty.seen < number:
            return
    raise AssertionError("the change never ends")


def _one_opens(house: House) -> bool:
    for master_key in house.master_keys:
        try:
            Repository.open_with_master(house.storage, master_key)
        except WrongKey:
            continue
        return True
    return False
