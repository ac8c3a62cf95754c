"""A key change that dies, is refused or loses its answer at any call can be repeated."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from copy import copy

import pytest

from kyanite.base.errors import Conflict, StorageUnavailable, WrongKey
from kyanite.base.units import KIB
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.repository import Repository
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import CHEAP, PASSWORD, back_up_disk, restored, tiny_repository

NOISE = random.Random(4).randbytes(100 * KIB)


class House:
    """A repository with a point and two passwords."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        repository = tiny_repository(self.storage)
        self.second = repository.add_password("second", CHEAP)
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


CHANGES: dict[str, tuple[Callable[[Repository, House], None], list[str], list[str]]] = {
    # what is done, who may open before or afterwards, who opens when it is done
    "add": (_add, [PASSWORD, "second"], [PASSWORD, "second", "third"]),
    "change": (_change, [PASSWORD], [PASSWORD, "third"]),
    "remove": (_remove, [PASSWORD], [PASSWORD]),
    "rotate": (_rotate, [], ["third"]),
}
EVERYBODY = [PASSWORD, "second", "third"]


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("dead", [True, False], ids=["dies", "fails once"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_key_change_stopped_at_any_call_locks_nobody_out_and_can_be_repeated(
    change: str, dead: bool, moment: Moment
) -> None:
    act, always, at_the_end = CHANGES[change]
    first = House()
    for number in range(1, 100):
        house = first.again()
        faulty = FaultyStorage(house.storage, number, moment, dead=dead, operations=ALL_CALLS)
        try:
            act(Repository.open(faulty, PASSWORD), house)
            through = True
        except (StorageUnavailable, Conflict):
            through = False
        good = house.opening(EVERYBODY)
        assert good, f"nobody opens after call {number}"
        assert set(always) <= set(good)
        if through:
            assert good == at_the_end
        # Whoever kept both master keys, as an appliance does, gets in.
        assert _one_opens(house)
        if good != at_the_end:
            with_this = good[0]
            try:
                act(Repository.open(house.storage, with_this), house)
            except WrongKey:
                assert change == "change"  # the old password was gone already
        assert house.opening(EVERYBODY) == at_the_end
        assert house.objects(at_the_end[0]) == ["keys"] * len(at_the_end) + ["rings"]
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
