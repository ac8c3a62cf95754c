"""Random histories: backups, expiries, cleanings, kills and frozen writers, in any order.

A writer is real code on a thread of its own, stopped at a random write to the storage and
let go at a random later step, when its session may long have been voided.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kyanite.base.errors import Missing, PointVoided, StorageUnavailable
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.ranges import RangeList
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import back_up_disk, change, disk_contents, restored, tiny_repository


@dataclass
class Machine:
    """A disk that changes, the point that its change list refers to, and the changes since."""

    name: str
    contents: bytearray
    parent: str | None = None
    changes: RangeList = field(default_factory=RangeList.empty)


@dataclass
class Frozen:
    """A writer that stands still at a write until ``go`` is set."""

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
    @rule(write=st.integers(1, 6), moment=st.sampled_from(Moment))
    def freeze_a_writer(self, write: int, moment: Moment) -> None:
        machine = self._next()
        session_id, contents = new_id(), bytes(machine.contents)
        parent, changes = machine.parent, machine.changes
        self.repository.open_session(session_id, machine.name, "point", parent)
        stands, go = threading.Event(), threading.Event()
        outcome: list[str] = []

        def stand() -> None:
            stands.set()
            go.wait(60)

        def write_it() -> None:
            storage = FrozenStorage(self.storage, write, moment, meanwhile=stand)
            try:
                back_up_disk(
                    self.repository,
                    contents,
                    session_id=session_id,
                    machine=machine.name,
                    parent=parent,
                    changes=changes if parent else None,
                    storage=storage,
                )
            except (PointVoided, Missing) as error:
                outcome.append(type(error).__name__)
            else:
                outcome.append("committed")
            stands.set()

        thread = threading.Thread(target=write_it, daemon=True)
        thread.start()
        assert stands.wait(60)
        self.frozen.append(Frozen(session_id, contents, go, thread, outcome))
        if any(p.session_id == session_id for p in self.repository.points()):
            self.expected[session_id] = contents

    @precondition(lambda self: self.frozen)
    @rule()
    def let_a_writer_go(self) -> None:
        frozen = self.frozen.pop(self.chooser.randrange(len(self.frozen)))
        frozen.go.set()
        frozen.thread.join(60)
        assert not frozen.thread.is_alive()
        assert len(frozen.outcome) == 1, "the writer failed in a way it may not"
        announced = {p.session_id for p in self.repository.points()}
        if frozen.outcome == ["committed"] and frozen.session_id in announced:
            self.expected[frozen.session_id] = frozen.contents

    @precondition(lambda self: self.frozen)
    @rule()
    def void_a_frozen_writer(self) -> None:
        self.repository.abandon_session(self.chooser.choice(self.frozen).session_id)

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

    @rule()
    def clean(self) -> None:
        self.repository.clean()

    @rule(write=st.integers(1, 10), moment=st.sampled_from(Moment))
    def clean_and_die(self, write: int, moment: Moment) -> None:
        faulty = FaultyStorage(self.storage, write, moment)
        repository = type(self.repository).open_with_master(faulty, self.repository.master_key)
        try:
            repository.clean()
        except StorageUnavailable:
            return

    @rule(write=st.integers(1, 10))
    def clean_while_another_cleans(self, write: int) -> None:
        faulty = FrozenStorage(
            self.storage, write, Moment.BEFORE, meanwhile=lambda: self._clean_twice()
        )
        type(self.repository).open_with_master(faulty, self.repository.master_key).clean()

    def _clean_twice(self) -> None:
        self.repository.clean()
        self.repository.clean()

    @invariant()
    def exactly_the_announced_points_are_there_and_right(self) -> None:
        points = {point.session_id: point for point in self.repository.points()}
        late = {f.session_id for f in self.frozen}
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
