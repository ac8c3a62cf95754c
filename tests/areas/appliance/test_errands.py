"""Errands: one of a name, done once, gone on with when whoever did it is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from kyanite.areas.appliance.errands import MOST_TURNS, Errand, Errands, Turn, is_open
from kyanite.base.clock import ManualClock
from kyanite.base.errors import Conflict
from kyanite.db.database import Database
from kyanite.durable.lease import Process, this_process
from support.api import START
from support.waiting import eventually

NAME = "look"
ELSEWHERE = Process("another host", 1, 1)


class Doers:
    """Processes that share a database, and a note of what they have done."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.done: list[str] = []
        self.given_up: list[str] = []

    def join(self, process: Process, act: Callable[[Turn], None] | None = None) -> Errands:
        errands = Errands(self.database, ManualClock(START), process)
        errands.add(NAME, Errand(act or self.finish, self.give_up))
        return errands

    def finish(self, turn: Turn) -> None:
        with turn.writing() as db:
            self.done.append(str(turn.payload["for"]))
            turn.end(db)

    def give_up(self, turn: Turn) -> None:
        with turn.writing() as db:
            self.given_up.append(str(turn.payload["for"]))
            turn.end(db)

    def ask(self, errands: Errands, wanted: str = "ada") -> Turn:
        with self.database.writing() as db:
            return errands.ask(db, NAME, {"for": wanted})

    def is_open(self) -> bool:
        with self.database.reading() as db:
            return is_open(db, NAME)


@pytest.fixture
def doers(database: Database) -> Doers:
    return Doers(database)


def test_there_is_one_of_a_name_until_it_is_done(doers: Doers) -> None:
    here = doers.join(this_process())
    turn = doers.ask(here)
    with pytest.raises(Conflict):
        doers.ask(here, "bert")
    here.begin(turn).join(30)
    assert (doers.done, doers.is_open()) == (["ada"], False)
    here.begin(doers.ask(here, "bert")).join(30)
    assert doers.done == ["ada", "bert"]


def test_what_somebody_is_at_is_left_to_them(doers: Doers) -> None:
    here, beside = doers.join(this_process()), doers.join(Process("a third host", 2, 2))
    turn = doers.ask(here)
    here.go_on()
    beside.go_on()
    assert (doers.done, doers.is_open()) == ([], True)
    here.begin(turn).join(30)
    assert doers.done == ["ada"]


def test_what_a_dead_process_was_at_is_done_by_another_and_only_that_counts(doers: Doers) -> None:
    go_on = threading.Event()

    def slow(turn: Turn) -> None:
        go_on.wait(30)
        doers.finish(turn)

    frozen = doers.join(ELSEWHERE, slow)
    thread = frozen.begin(doers.ask(frozen))
    doers.join(this_process()).go_on()
    eventually(lambda: not doers.is_open())
    go_on.set()
    thread.join(30)
    assert doers.done == ["ada"]


def test_what_a_process_has_lost_the_thread_of_it_begins_again(doers: Doers) -> None:
    def fails(_turn: Turn) -> None:
        raise RuntimeError("of a sort that nobody has foreseen")

    here = doers.join(this_process(), fails)
    here.begin(doers.ask(here)).join(30)
    assert doers.is_open()
    here.add(NAME, Errand(doers.finish, doers.give_up))
    here.go_on()
    eventually(lambda: not doers.is_open())
    assert doers.done == ["ada"]


def test_what_never_comes_to_an_end_is_given_up(doers: Doers) -> None:
    begun: list[str] = []

    def fails(turn: Turn) -> None:
        begun.append(turn.id)
        raise RuntimeError("of a sort that nobody has foreseen")

    here = doers.join(this_process(), fails)
    here.begin(doers.ask(here)).join(30)

    def given_up() -> bool:
        here.go_on()
        return bool(doers.given_up)

    eventually(given_up)
    assert (doers.given_up, len(begun)) == (["ada"], MOST_TURNS)
    eventually(lambda: not doers.is_open())
