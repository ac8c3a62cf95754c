"""Neighbours are joined, also where several runs arrive in turns, within a bound."""

from __future__ import annotations

from kyanite.engine.joined_writes import JoinedWrites
from kyanite.engine.storage.base import Data


class Writes:
    """What reached the target."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes]] = []

    def write(self, offset: int, data: Data) -> None:
        self.seen.append((offset, bytes(data)))


def test_two_runs_that_arrive_in_turns_are_two_writes() -> None:
    target = Writes()
    writes = JoinedWrites(target, 100)
    for number in range(4):
        writes.write(10 * number, b"a" * 10)
        writes.write(1000 + 10 * number, b"b" * 10)
    writes.flush()
    assert sorted(target.seen) == [(0, b"a" * 40), (1000, b"b" * 40)]


def test_a_run_is_written_before_it_gets_longer_than_allowed() -> None:
    target = Writes()
    writes = JoinedWrites(target, 25)
    for number in range(5):
        writes.write(10 * number, bytes([number]) * 10)
    writes.flush()
    assert [(offset, len(data)) for offset, data in target.seen] == [(0, 20), (20, 20), (40, 10)]


def test_of_many_runs_the_longest_goes_when_too_much_is_held() -> None:
    target = Writes()
    writes = JoinedWrites(target, 20)
    writes.write(0, b"x" * 10)
    writes.write(10, b"y" * 10)
    for number in range(1, 6):
        writes.write(100 * number, b"z" * 10)
    assert target.seen == [(0, b"x" * 10 + b"y" * 10)]


def test_nothing_is_held_without_a_bound_and_what_is_longer_goes_at_once() -> None:
    target = Writes()
    writes = JoinedWrites(target, 0)
    writes.write(5, b"abc")
    writes.write(8, b"de")
    assert target.seen == [(5, b"abc"), (8, b"de")]


def test_the_same_place_twice_is_written_twice() -> None:
    target = Writes()
    writes = JoinedWrites(target, 100)
    writes.write(0, b"aa")
    writes.write(0, b"bb")
    writes.flush()
    assert sorted(target.seen) == [(0, b"aa"), (0, b"bb")]
