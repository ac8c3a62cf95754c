"""A repository with an object of every kind there is, and all that it has ever deleted."""

from __future__ import annotations

import random

from kyanite.base.errors import EngineError, KyaniteError
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.excision import excise
from kyanite.engine.format import Kind
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.point import Point
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.sealed_object import kind_of
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import CHEAP, PASSWORD, back_up_disk, restored, tiny_repository

NOISE = random.Random(5).randbytes(150 * KIB)
TEXT = b"the same words over and over " * 4000
THRIFTY = CleaningRules(ledger_from_points=1, small_packs=0)
REMOVED_PASSWORD = "removed"

# Kinds by the first part of the name; those of points, of condemned lists by what they are.
UNSEALED = ("repository", "keys", "rings", "packs", "index")
KINDS = (
    *UNSEALED,
    *("session", "point", "void", "moves", "trace", "expired", "condemned", "waits"),
    *("ledger", "damage", "verified"),
)


class RememberingStorage(MemoryStorage):
    """Remembers what was ever put."""

    def __init__(self) -> None:
        super().__init__()
        self.ever: dict[str, bytes] = {}

    def put(self, name: str, data: Data) -> None:
        super().put(name, data)
        self.ever[name] = bytes(data)


class Everything:
    """``expected``: what its points hold. ``gone``: objects that were deleted in due course."""

    def __init__(self) -> None:
        self.storage = RememberingStorage()
        self.repository = tiny_repository(self.storage)
        self._live_and_die()
        repository = self.repository
        first = back_up_disk(repository, NOISE + TEXT, label="a").point
        repository.remove_key_slot(repository.add_password(REMOVED_PASSWORD, CHEAP))
        excise(repository, first.session_id)  # a note; and a repair, which ends in moves
        second = back_up_disk(repository, NOISE + TEXT, label="b", machine="other").point
        repair(repository)
        self.expected = {second.session_id: NOISE + TEXT, first.session_id: NOISE + TEXT}
        repository.clean(whole=True, rules=THRIFTY)
        gone = back_up_disk(repository, TEXT[::-1], label="gone").point
        for _ in range(2):
            repository.open_session(new_id(), "machine", "open")
        repository.delete_points([gone.session_id])  # condemned and waiting for the open ones
        repository.clean(whole=True, rules=THRIFTY)
        for _ in range(2):
            self._give_up()
        last = back_up_disk(repository, NOISE[::-1], label="expired").point
        repository.delete_points([last.session_id])
        repository.remember(repository.verify(Level.FULL))
        excise(repository, second.session_id)
        self.points = {one.session_id: one for one in map(self._whole, self.expected)}
        now = set(self._all_names())
        self.gone = {name: data for name, data in self.storage.ever.items() if name not in now}

    def _live_and_die(self) -> None:
        """Objects of every kind come and go; other passwords open afterwards."""
        repository = self.repository
        point = back_up_disk(repository, NOISE[: 70 * KIB], label="early").point
        excise(repository, point.session_id)
        late = back_up_disk(repository, NOISE[: 70 * KIB], label="late").point
        repair(repository)  # moves
        repository.remember(repository.verify(Level.FULL))
        self._give_up()
        waited_for = repository.open_session(new_id(), "machine", "open")
        repository.delete_points([point.session_id, late.session_id])
        repository.clean(whole=True, rules=THRIFTY)
        repository.abandon_session(waited_for.session_id)
        repository.clean(whole=True, rules=THRIFTY)
        last = back_up_disk(repository, NOISE[: 9 * KIB], label="in a ledger").point
        repository.clean(whole=True, rules=THRIFTY)
        repository.delete_points([last.session_id])
        for _ in range(2):
            repository.clean(whole=True, rules=THRIFTY)
        repository.rotate_keys([NewPassword(PASSWORD)], cost=CHEAP)
        self.repository = Repository.open(self.storage, PASSWORD)

    def _give_up(self) -> None:
        given_up = self.repository.open_session(new_id(), "machine", "given up")
        self.repository.abandon_session(given_up.session_id)

    def _whole(self, session_id: str) -> Point:
        return self.repository.read_point(session_id)

    def _all_names(self) -> list[str]:
        return [info.name for info in self.storage.list("")]

    def names(self, kind: str = "") -> list[str]:
        """Objects of a kind; all of them without one."""
        names = self._all_names()
        return [name for name in names if kind in ("", kind_name(name, self.storage.get(name)))]

    def open(self, storage: MemoryStorage) -> Repository:
        return Repository.open_with_master(storage, self.repository.master_key)

    def report(self, storage: MemoryStorage, level: Level = Level.FULL) -> str:
        """What verifying finds, or why it cannot begin, in one text."""
        try:
            damages = self.open(storage).verify(level).damages
        except EngineError as error:
            return f"refused: {error}"
        return " ".join(f"{damage.name} {damage.reason}" for damage in damages)

    def serves(self, storage: MemoryStorage) -> set[str]:
        """The points that restore. Fails if anything that is served is wrong."""
        good = set()
        for session_id, contents in self.expected.items():
            try:
                repository = self.open(storage)
                point = repository.read_point(session_id)
                assert point == self.points[session_id], "a point is not what it was"
                assert restored(repository, point) == contents, "served wrong bytes"
            except KyaniteError:
                continue
            good.add(session_id)
        return good


def kind_name(name: str, data: bytes) -> str:
    """Which of ``KINDS`` an object is."""
    folder = name.split("/")[0]
    if folder in (*UNSEALED, "ledger", "damage", "verified", "expired"):
        return folder
    kind = kind_of(name, data)
    return {Kind.SESSION: "session", Kind.TRACE: "trace"}.get(kind, kind.name.lower())
