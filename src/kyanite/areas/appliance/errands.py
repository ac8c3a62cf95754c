"""Errands: work beside a request that no session shows, and that does not get lost.

Somebody asks for one in a transaction of theirs. From then on it is kept who does it; when that
process is gone, or has lost the thread of it, another one begins the errand again, under the
next turn, and what comes from an older turn counts no more. There is one of a name at a time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.base.clock import Clock
from kyanite.base.errors import Conflict, LeaseLost
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text
from kyanite.db.database import Database
from kyanite.db.locks import lock
from kyanite.durable.lease import Process, is_at_work, this_process
from kyanite.durable.worker import quietly

_log = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=5)
AFTER: Final = timedelta(seconds=1)
# An errand that never comes to an end, for instance because it kills whoever does it.
MOST_TURNS: Final = 5


@dataclass(frozen=True)
class Turn:
    """One process at an errand."""

    database: Database
    clock: Clock
    name: str
    id: str
    payload: JsonObject

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction on behalf of this turn. LeaseLost when another one has begun."""
        with self.database.writing() as db:
            lock(db, _group(self.name))
            if (_kept(db, self.name) or {}).get("turn") != self.id:
                raise LeaseLost(f"another process goes on with the {self.name}")
            yield db

    def end(self, db: Session) -> None:
        """The errand is done, with the transaction that `writing` gave."""
        write_group(db, _group(self.name), {}, self.clock)


Act = Callable[[Turn], None]


@dataclass(frozen=True)
class Errand:
    """How one is done. ``act`` ends the turn, and may find what an earlier one has left.

    ``give_up`` ends it too, after too many turns that came to nothing.
    """

    act: Act
    give_up: Act


class Errands:
    """Does errands, in threads of this ``process``, and those that others have left."""

    def __init__(self, database: Database, clock: Clock, process: Process | None = None) -> None:
        self._database, self._clock = database, clock
        self._process = process or this_process()
        self._errands: dict[str, Errand] = {}
        self._own: set[str] = set()

    def add(self, name: str, errand: Errand) -> None:
        """Say how the errand of this name is done."""
        self._errands[name] = errand

    def ask(self, db: Session, name: str, payload: JsonObject) -> Turn:
        """Ask for an errand in the caller's transaction; `begin` it when that is committed.

        Raises Conflict while one of this name is not done.
        """
        lock(db, _group(name))
        if is_open(db, name):
            raise Conflict(f"The {name} is at work; wait until that has ended.")
        return self._take(db, name, payload, turns=1)

    def begin(self, turn: Turn) -> threading.Thread:
        """Do it in a thread, which ends with the turn."""
        errand = self._errands[turn.name]
        return self._begin(turn, errand.act)

    def go_on(self, going: Callable[[], bool] = lambda: True) -> None:
        """Begin again what nobody is at. A chore of every process."""
        for name, errand in self._errands.items():
            if not going() or not self._is_left(name):
                continue
            with self._database.writing() as db:
                lock(db, _group(name))
                kept = _kept(db, name)
                if kept is None or self._is_in_hand(db, kept):
                    continue
                turns = as_int(kept["turns"]) + 1
                turn = self._take(db, name, as_object(kept["payload"]), turns)
            _log.info("going on with what was left", extra={"errand": name, "turn": turns})
            self._begin(turn, errand.act if turns <= MOST_TURNS else errand.give_up)

    def _is_left(self, name: str) -> bool:
        with self._database.reading() as db:
            kept = _kept(db, name)
            return kept is not None and not self._is_in_hand(db, kept)

    def _is_in_hand(self, db: Session, kept: JsonObject) -> bool:
        """Whether somebody is at it."""
        if as_text(kept["turn"]) in self._own:
            return True
        doer = as_object(kept["doer"])
        process = Process(
            as_text(doer["host"]), as_int(doer["process_id"]), as_int(doer["started"])
        )
        return process != self._process and is_at_work(db, process)

    def _take(self, db: Session, name: str, payload: JsonObject, turns: int) -> Turn:
        turn = Turn(self._database, self._clock, name, new_id(), payload)
        self._own.add(turn.id)
        kept: JsonObject = {
            "turn": turn.id,
            "turns": turns,
            "doer": as_object(asdict(self._process)),
            "payload": payload,
        }
        write_group(db, _group(name), kept, self._clock)
        return turn

    def _begin(self, turn: Turn, act: Act) -> threading.Thread:
        def run() -> None:
            try:
                quietly(turn.name, lambda: _unless_lost(turn, act))
            finally:
                self._own.discard(turn.id)

        thread = threading.Thread(target=run, name=turn.name, daemon=True)
        thread.start()
        return thread


def is_open(db: Session, name: str) -> bool:
    """Whether an errand of this name is asked for and not done."""
    return _kept(db, name) is not None


def _unless_lost(turn: Turn, act: Act) -> None:
    try:
        act(turn)
    except LeaseLost:
        _log.info("left to another process", extra={"errand": turn.name})


def _group(name: str) -> str:
    return f"errand {name}"


def _kept(db: Session, name: str) -> JsonObject | None:
    return read_group(db, _group(name)) or None
