"""Random histories: backups, expiries, cleanings, repacks, kills and freezes, in any order.

A writer, cleaner or repacker is real code on a thread of its own, stopped at a random call
of the storage and let go at a random later step, when its session may long have been voided.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kyanite.base.errors import Missing, PointVoided, StorageUnavailable
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.ranges import RangeList
from kyanite.engine.repack_rule import Price
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import back_up_disk, change, disk_contents, restored, tiny_repository


@dataclass
class Machine:
    """A disk that changes, the point that its change list refers to, and the changes since."""

    name: str
    contents: bytearray
    parent: str | None = None
    changes: RangeList = field(default_factory=RangeList.empty)


EAGER = Price(gib_month=1000.0, most_live=0.95)
RULES = (None, CleaningRules(ledger_from_points=1, small_packs=0, cleanings_between=5))


@dataclass
class Frozen:
    """Somebody who stands still at a call until ``go`` is set; writers have a session."""

    session_id: str
    contents: bytes
    go: threading.Event
    thread: threading.Thread
    outcome: list[str]


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.chooser = random.Random(0)
        self.storage = MemoryStorage()
        self.repository = tiny_repository(self.storage)
        self.machines: list[Machine] = []
        self.expected: dict[str, bytes] = {}
        self.killed: list[tuple[Machine, str, bytes, str | None, RangeList]] = []
        self.frozen: list[Frozen] = []

    @rule(seed=st.integers(0, 2**32))
    def add_machine(self, seed: int) -> None:
        self.chooser = random.Random(seed)
        if len(self.machines) < 3:
            contents = disk_contents(self.chooser, self.chooser.randrange(1, 200 * KIB))
            if self.machines and self.chooser.random() < 0.7:
                like = self.machines[0].contents
                contents[: len(like) // 2] = like[: len(like) // 2]
            self.machines.append(Machine(f"m{len(self.machines)}", contents))

    def _next(self) -> Machine:
        machine = self.chooser.choice(self.machines)
        machine.changes = machine.changes.union(change(self.chooser, machine.contents))
        # A later write over a discarded range wins in ``union``; a later discard reads as data,
        # which is allowed: the bytes are read then.
        if machine.parent is not None and machine.parent not in self.expected:
            machine.parent = None
        return machine

    def _done(self, machine: Machine, session_id: str, contents: bytes) -> None:
        self.expected[session_id] = contents
        machine.parent, machine.changes = session_id, RangeList.empty()

    @precondition(lambda self: self.machines)
    @rule()
    def back_up(self) -> None:
        machine = self._next()
        point = back_up_disk(
            self.repository,
            machine.contents,
            machine=machine.name,
            parent=machine.parent,
            changes=machine.changes if machine.parent else None,
        ).point
        self._done(machine, point.session_id, bytes(machine.contents))

    @precondition(lambda self: self.machines)
    @rule(write=st.integers(1, 8), moment=st.sampled_from(Moment))
    def back_up_and_die(self, write: int, moment: Moment) -> None:
        machine = self._next()
        session_id, contents = new_id(), bytes(machine.contents)
        parent, changes = machine.parent, machine.changes
        self.repository.open_session(session_id, machine.name, "point", parent)
        try:
            back_up_disk(
                self.repository,
                contents,
                session_id=session_id,
                machine=machine.name,
                parent=parent,
                changes=changes if parent else None,
                storage=FaultyStorage(self.storage, write, moment),
            )
        except StorageUnavailable:
            if any(p.session_id == session_id for p in self.repository.points()):
                self._done(machine, session_id, contents)  # only the answer was lost
            else:
                self.killed.append((machine, session_id, contents, parent, changes))
        else:
            self._done(machine, session_id, contents)

    @precondition(lambda self: self.killed)
    @rule()
    def resume(self) -> None:
        machine, session_id, contents, parent, changes = self.killed.pop()
        try:
            back_up_disk(
                self.repository,
                contents,
                session_id=session_id,
                machine=machine.name,
                parent=parent,
                changes=changes if parent else None,
            )
        except (PointVoided, Missing):
            self.repository.abandon_session(session_id)
            return
        self.expected[session_id] = contents

    @precondition(lambda self: self.machines and len(self.frozen) < 2)
    @rule(call=st.integers(1, 40), moment=st.sampled_from(Moment))
    def freeze_a_writer(self, call: int, moment: Moment) -> None:
        machine = self._next()
        session_id, contents = new_id(), bytes(machine.contents)
        parent, changes = machine.parent, machine.changes
        self.repository.open_session(session_id, machine.name, "point", parent)

        def write(storage: Storage) -> None:
            back_up_disk(
                self.repository,
                contents,
                session_id=session_id,
                machine=machine.name,
                parent=parent,
                changes=changes if parent else None,
                storage=storage,
            )

        self._freeze(write, call, moment, session_id, contents)
        if any(p.session_id == session_id for p in self.repository.points()):
            self.expected[session_id] = contents

    @precondition(lambda self: len(self.frozen) < 3)
    @rule(
        call=st.integers(1, 60),
        moment=st.sampled_from(Moment),
        rules=st.sampled_from(RULES),
    )
    def freeze_a_cleaner(self, call: int, moment: Moment, rules: CleaningRules | None) -> None:
        self._freeze(lambda storage: self._open(storage).clean(rules=rules), call, moment)

    @precondition(lambda self: len(self.frozen) < 3)
    @rule(call=st.integers(1, 80), moment=st.sampled_from(Moment))
    def freeze_a_repack(self, call: int, moment: Moment) -> None:
        self._freeze(lambda storage: self._open(storage).repack(EAGER), call, moment)

    def _freeze(
        self,
        act: Callable[[Storage], object],
        call: int,
        moment: Moment,
        session_id: str = "",
        contents: bytes = b"",
    ) -> None:
        stands, go = threading.Event(), threading.Event()
        outcome: list[str] = []

        def stand() -> None:
            stands.set()
            go.wait(60)

        def run() -> None:
            storage = FrozenStorage(
                self.storage, call, moment, meanwhile=stand, operations=ALL_CALLS
            )
            try:
                act(storage)
            except (PointVoided, Missing) as error:
                outcome.append(type(error).__name__)
            else:
                outcome.append("committed")
            stands.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert stands.wait(60)
        self.frozen.append(Frozen(session_id, contents, go, thread, outcome))

    def _open(self, storage: Storage) -> Repository:
        return Repository.open_with_master(storage, self.repository.master_key)

    @precondition(lambda self: self.frozen)
    @rule()
    def let_somebody_go(self) -> None:
        frozen = self.frozen.pop(self.chooser.randrange(len(self.frozen)))
        frozen.go.set()
        frozen.thread.join(60)
        assert not frozen.thread.is_alive()
        assert len(frozen.outcome) == 1, "somebody failed in a way they may not"
        announced = {p.session_id for p in self.repository.points()}
        if frozen.outcome == ["committed"] and frozen.session_id in announced:
            self.expected[frozen.session_id] = frozen.contents

    @precondition(lambda self: self.frozen)
    @rule()
    def void_a_frozen_writer(self) -> None:
        session_id = self.chooser.choice(self.frozen).session_id
        if session_id:
            self.repository.abandon_session(session_id)

    @rule()
    def void_whoever_is_open(self) -> None:
        mine = {one[1] for one in self.killed}
        for session_id in self.repository.open_sessions():
            if session_id not in mine:
                self.repository.abandon_session(session_id)

    @precondition(lambda self: self.killed)
    @rule()
    def give_up_a_killed_writer(self) -> None:
        self.repository.abandon_session(self.killed.pop()[1])

    @precondition(lambda self: self.expected)
    @rule()
    def expire(self) -> None:
        session_id = self.chooser.choice(sorted(self.expected))
        del self.expected[session_id]
        self.repository.delete_points([session_id])

    @rule(rules=st.sampled_from(RULES))
    def clean(self, rules: CleaningRules | None) -> None:
        self.repository.clean(rules=rules)

    @rule()
    def repack(self) -> None:
        self.repository.repack(EAGER)

    @rule(
        call=st.integers(1, 60),
        moment=st.sampled_from(Moment),
        rules=st.sampled_from(RULES),
    )
    def clean_and_die(self, call: int, moment: Moment, rules: CleaningRules | None) -> None:
        faulty = FaultyStorage(self.storage, call, moment, operations=ALL_CALLS)
        with suppress(StorageUnavailable):
            self._open(faulty).clean(rules=rules)

    @rule(call=st.integers(1, 80), moment=st.sampled_from(Moment))
    def repack_and_die(self, call: int, moment: Moment) -> None:
        faulty = FaultyStorage(self.storage, call, moment, operations=ALL_CALLS)
        with suppress(StorageUnavailable):
            self._open(faulty).repack(EAGER)

    @rule(call=st.integers(1, 60), rules=st.sampled_from(RULES))
    def clean_while_another_cleans(self, call: int, rules: CleaningRules | None) -> None:
        frozen = FrozenStorage(
            self.storage,
            call,
            meanwhile=lambda: self._clean_twice(rules),
            operations=ALL_CALLS,
        )
        self._open(frozen).clean()

    def _clean_twice(self, rules: CleaningRules | None) -> None:
        self.repository.clean(rules=rules)
        self.repository.clean(rules=rules)

    @invariant()
    def exactly_the_announced_points_are_there_and_right(self) -> None:
        points = {point.session_id: point for point in self.repository.points()}
        late = {f.session_id for f in self.frozen if f.session_id}
        assert points.keys() - late == self.expected.keys() - late
        for session_id, point in points.items():
            if session_id in self.expected:
                assert restored(self.repository, point) == self.expected[session_id]

    def teardown(self) -> None:
        for frozen in self.frozen:
            frozen.go.set()
            frozen.thread.join(60)
        assert self.repository.verify(Level.FULL).damages == ()
        for session_id in self.repository.open_sessions():
            self.repository.abandon_session(session_id)
        self.repository.delete_points([p.session_id for p in self.repository.points()])
        self.repository.clean()
        self.repository.clean()
        left = {info.name.split("/")[0] for info in self.storage.list("")}
        assert left == {"keys", "repository", "rings"}


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, print_blob=True
)


class LongHistories(Histories):
    """At least 100 000 steps."""


TestLongHistories = pytest.mark.slow(LongHistories.TestCase)
TestLongHistories.settings = settings(
    max_examples=2500,
    stateful_step_count=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
