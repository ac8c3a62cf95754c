"""A repository with a random history, and what must be true of it after every step.

Writers, cleaners and repackers are real code. One that is *frozen* runs on a thread of its
own, stands still at one call of the storage, and goes on at some later step, when its session
may long have been voided, or ended by another process.

No rule has a precondition: threads come in any order, so the same steps may lead to another
state, and Hypothesis must be able to take them again. Who has nothing to do does something else.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from kyanite.base.errors import Missing, PointVoided, StorageUnavailable
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.cleaning import CleanReport
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.point import Point
from kyanite.engine.ranges import RangeList
from kyanite.engine.repack_rule import Price
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import ALL_CALLS
from kyanite.engine.verify import Level
from support.engine import (
    ONE_THREAD,
    MemoryDisk,
    back_up_disk,
    change,
    disk_contents,
    tiny_repository,
)

EAGER = Price(gib_month=1000.0, most_live=0.95)
RULES = (None, CleaningRules(ledger_from_points=1, small_packs=0, cleanings_between=5))
_MOST_POINTS = 5
_MOST_FROZEN = 3
_CALLS_OF_A_BACKUP = st.integers(1, 32)
_CALLS_OF_A_CLEANING = st.integers(1, 40)
_CALLS_OF_A_REPACK = st.integers(1, 60)


@dataclass
class Machine:
    """A disk, and what has changed on it since each of its latest backups."""

    name: str
    contents: bytearray
    since: dict[str, RangeList] = field(default_factory=dict)

    def work(self, chooser: random.Random) -> None:
        """Its owner writes and discards here and there.

        A later write over a discarded range wins in ``union``; a later discard reads as data,
        which is allowed: the bytes are read then.
        """
        changed = change(chooser, self.contents)
        self.since = {one: ranges.union(changed) for one, ranges in self.since.items()}


@dataclass(frozen=True)
class Job:
    """One backup: a session, and what it is to store."""

    machine: Machine
    session_id: str
    contents: bytes
    parent: str | None
    changes: RangeList | None

    def run(self, repository: Repository, storage: Storage, *, again: bool = False) -> None:
        """``again``: its session was opened before."""
        back_up_disk(
            repository,
            self.contents,
            session_id=self.session_id,
            again=again,
            machine=self.machine.name,
            parent=self.parent,
            changes=self.changes,
            storage=storage,
        )


@dataclass
class Frozen:
    """Somebody who stands still at a call until ``go`` is set. Writers have a job."""

    job: Job | None
    go: threading.Event
    thread: threading.Thread
    outcome: list[str]


class WatchedStorage(MemoryStorage):
    """Knows whether anything was deleted, since nothing else can hurt what is there."""

    hurt = False

    def delete(self, name: str) -> None:
        super().delete(name)
        self.hurt = True


class Histories(RuleBasedStateMachine):
    """``happened`` counts steps, and what came of them, over all histories of a run."""

    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.storage = WatchedStorage()
        self.looked_at: set[str] = set()
        self.repository = tiny_repository(self.storage)
        self.machines: list[Machine] = []
        self.expected: dict[str, bytes] = {}
        self.deleted: set[str] = set()
        self.killed: list[Job] = []
        self.frozen: list[Frozen] = []

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        """Two machines with the same system; the first has been backed up."""
        self.chooser = chooser = random.Random(seed)
        for name in ("first", "second"):
            contents = disk_contents(chooser, chooser.randrange(1, 160 * KIB))
            if self.machines:
                like = self.machines[0].contents
                contents[: len(like) // 2] = like[: len(like) // 2]
            self.machines.append(Machine(name, contents))
        self._commit(self._job(self.machines[0]))

    # Backups

    def _job(self, machine: Machine | None = None) -> Job:
        machine = machine or self.chooser.choice(self.machines)
        machine.work(self.chooser)
        parents = [one for one in machine.since if one in self.expected]
        parent = None
        if parents and self.chooser.random() < 0.9:
            parent = self.chooser.choice(parents) if self.chooser.random() < 0.2 else parents[-1]
        changes = machine.since[parent] if parent else None
        job = Job(machine, new_id(), bytes(machine.contents), parent, changes)
        machine.since = dict(list(machine.since.items())[-4:])
        machine.since[job.session_id] = RangeList.empty()
        return job

    def _commit(self, job: Job) -> None:
        job.run(self.repository, self.storage)
        self.expected[job.session_id] = job.contents

    @rule()
    def back_up(self) -> None:
        if len(self.expected) >= _MOST_POINTS:
            return self.expire()
        self._commit(self._job())
        self.happened["backup"] += 1
        return None

    @rule()
    def back_up_and_delete_another_point(self) -> None:
        self._commit(self._job())
        self.happened["backup"] += 1
        self.expire()

    @rule(write=st.integers(1, 6), moment=st.sampled_from(Moment))
    def back_up_and_die(self, write: int, moment: Moment) -> None:
        job = self._job()
        self._open_session(job)
        try:
            job.run(self.repository, FaultyStorage(self.storage, write, moment))
        except StorageUnavailable:
            self.happened["death of a writer"] += 1
            if not self._is_announced(job.session_id):
                self.killed.append(job)
                return
            self.happened["lost answer to a commit"] += 1
        self.expected[job.session_id] = job.contents

    def _open_session(self, job: Job) -> None:
        self.repository.open_session(job.session_id, job.machine.name, "point", job.parent)

    def _is_announced(self, session_id: str) -> bool:
        return any(point.session_id == session_id for point in self.repository.points())

    @rule()
    def resume(self) -> None:
        if not self.killed:
            return self.back_up()
        job = self.killed.pop()
        if self._try(job):
            self.happened["resumption"] += 1
        return None

    def _try(self, job: Job) -> bool:
        """Run a job that may have lost its right to commit, or its parent."""
        try:
            job.run(self.repository, self.storage, again=True)
        except (PointVoided, Missing):
            self.repository.abandon_session(job.session_id)
            assert job.session_id not in self.expected
            return False
        self.expected[job.session_id] = job.contents
        return True

    @rule()
    def give_up_a_killed_writer(self) -> None:
        if not self.killed:
            return self.back_up()
        self.repository.abandon_session(self.killed.pop().session_id)
        return None

    # Freezes

    @rule(call=_CALLS_OF_A_BACKUP, moment=st.sampled_from(Moment))
    def freeze_a_writer(self, call: int, moment: Moment) -> None:
        if len(self.frozen) >= _MOST_FROZEN:
            self.let_somebody_go()
        job = self._job()
        self._open_session(job)
        self._freeze(lambda storage: job.run(self.repository, storage), call, moment, job)
        if self._is_announced(job.session_id):
            self.expected[job.session_id] = job.contents

    @rule(
        call=_CALLS_OF_A_CLEANING,
        moment=st.sampled_from(Moment),
        rules=st.sampled_from(RULES),
    )
    def freeze_a_cleaner(self, call: int, moment: Moment, rules: CleaningRules | None) -> None:
        if len(self.frozen) >= _MOST_FROZEN:
            self.let_somebody_go()
        self._freeze(lambda storage: self._open(storage).clean(rules=rules), call, moment)

    @rule(call=_CALLS_OF_A_REPACK, moment=st.sampled_from(Moment))
    def freeze_a_repack(self, call: int, moment: Moment) -> None:
        if len(self.frozen) >= _MOST_FROZEN:
            self.let_somebody_go()
        self._freeze(lambda storage: self._open(storage).repack(EAGER), call, moment)

    def _freeze(
        self,
        act: Callable[[Storage], object],
        call: int,
        moment: Moment,
        job: Job | None = None,
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
                outcome.append("done")
            stands.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert stands.wait(60)
        frozen = Frozen(job, go, thread, outcome)
        if outcome:  # it has not so many calls
            self._judge(frozen)
        else:
            self.happened["freeze"] += 1
            self.frozen.append(frozen)

    def _open(self, storage: Storage) -> Repository:
        return Repository.open_with_master(storage, self.repository.master_key)

    @rule()
    def let_somebody_go(self) -> None:
        if not self.frozen:
            return self.back_up()
        frozen = self.frozen.pop(self.chooser.randrange(len(self.frozen)))
        frozen.go.set()
        self._judge(frozen)
        return None

    def _judge(self, frozen: Frozen) -> None:
        """Whoever says that a point is there is right, and whoever says that none is, too."""
        frozen.thread.join(60)
        assert not frozen.thread.is_alive()
        assert len(frozen.outcome) == 1, "somebody failed in a way they may not"
        who = "writer" if frozen.job else "other"
        self.happened[f"{who}: {frozen.outcome[0]}"] += 1
        if frozen.job is None:
            return
        session_id = frozen.job.session_id
        if frozen.outcome == ["done"] and session_id not in self.deleted:
            self.expected[session_id] = frozen.job.contents
        elif frozen.outcome != ["done"]:
            assert session_id not in self.expected, "a point was there, its writer says not"

    @rule()
    def void_a_frozen_writer(self) -> None:
        if not self._frozen_jobs():
            return self.back_up()
        self.repository.abandon_session(self.chooser.choice(self._frozen_jobs()).session_id)
        return None

    @rule()
    def end_the_session_of_a_frozen_writer(self) -> None:
        """Another process takes over; the first one finds that out when it wakes."""
        if not self._frozen_jobs():
            return self.back_up()
        job = self.chooser.choice(self._frozen_jobs())
        if job.session_id not in self.deleted and self._try(job):
            self.happened["takeover"] += 1
        return None

    def _frozen_jobs(self) -> list[Job]:
        return [one.job for one in self.frozen if one.job is not None]

    @rule()
    def void_whoever_is_open_and_clean(self) -> None:
        mine = {job.session_id for job in self.killed}
        for session_id in self.repository.open_sessions():
            if session_id not in mine:
                self.repository.abandon_session(session_id)
        self._note(self.repository.clean())

    # Deleting and cleaning

    @rule()
    def expire(self) -> None:
        if not self.expected:
            return self.back_up()
        session_id = self.chooser.choice(sorted(self.expected))
        del self.expected[session_id]
        self.deleted.add(session_id)
        self.repository.delete_points([session_id])
        return None

    @rule(rules=st.sampled_from(RULES))
    def expire_and_clean(self, rules: CleaningRules | None) -> None:
        self.expire()
        self.clean(rules)

    @rule(rules=st.sampled_from(RULES))
    def clean(self, rules: CleaningRules | None) -> None:
        self._note(self.repository.clean(rules=rules))

    def _note(self, report: CleanReport) -> None:
        if report.deleted_packs:
            self.happened["deletion of packs"] += 1
            if self._frozen_jobs():
                self.happened["deletion of packs beside a frozen writer"] += 1
        if report.waiting_for:
            self.happened["condemned packs that wait"] += 1

    @rule()
    def repack(self) -> None:
        if self.repository.repack(EAGER).moved_packs:
            self.happened["repack"] += 1

    @rule(
        call=_CALLS_OF_A_CLEANING,
        moment=st.sampled_from(Moment),
        rules=st.sampled_from(RULES),
    )
    def clean_and_die(self, call: int, moment: Moment, rules: CleaningRules | None) -> None:
        faulty = FaultyStorage(self.storage, call, moment, operations=ALL_CALLS)
        with suppress(StorageUnavailable):
            self._open(faulty).clean(rules=rules)
            return
        self.happened["death of a cleaner"] += 1

    @rule(call=_CALLS_OF_A_REPACK, moment=st.sampled_from(Moment))
    def repack_and_die(self, call: int, moment: Moment) -> None:
        faulty = FaultyStorage(self.storage, call, moment, operations=ALL_CALLS)
        with suppress(StorageUnavailable):
            self._open(faulty).repack(EAGER)
            return
        self.happened["death of a repack"] += 1

    @rule(call=_CALLS_OF_A_CLEANING, rules=st.sampled_from(RULES))
    def clean_while_another_cleans(self, call: int, rules: CleaningRules | None) -> None:
        def twice() -> None:
            self.happened["two cleaners"] += 1
            self.repository.clean(rules=rules)
            self.repository.clean(rules=rules)

        frozen = FrozenStorage(self.storage, call, meanwhile=twice, operations=ALL_CALLS)
        self._open(frozen).clean()

    # What must be true

    @invariant()
    def exactly_the_announced_points_are_there_and_right(self) -> None:
        self.happened["step"] += 1
        points = {point.session_id: point for point in self.repository.points()}
        late = {job.session_id for job in self._frozen_jobs()}
        assert self.expected.keys() <= points.keys() <= self.expected.keys() | late
        if self.storage.hurt:
            self.looked_at.clear()
            self.storage.hurt = False
        for session_id in self.expected.keys() - self.looked_at:
            assert self._restored(points[session_id]) == self.expected[session_id]
            self.looked_at.add(session_id)

    def _restored(self, point: Point) -> bytes:
        disk = point.disks[0]
        target = MemoryDisk(bytes(disk.size_bytes))
        keys = self.repository.read_keys  # those of a point alone are walked for, for long
        restore_disk(self.storage, keys, point, disk.disk_id, target, parallelism=ONE_THREAD)
        self.happened["restore"] += 1
        return bytes(target.contents)

    def teardown(self) -> None:
        self.happened["history"] += 1
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
