"""The part of a process that carries out jobs: lease, sweeper, queue and timetable together.

`kyanite serve` and `kyanite worker` each run one. Any number of them share a database; when one
dies or freezes, the others continue what it held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import structlog
from sqlalchemy import select

from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import LeaseLost
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.durable.chores import Chore
from kyanite.durable.housekeeping import Housekeeping
from kyanite.durable.job_tables import JobRow, JobState
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.lease import Membership, Timing
from kyanite.durable.queue import Dispatcher, Lane
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.timetable import Timetable
from kyanite.durable.worker import Worker, quietly
from kyanite.rules.sessions import FINAL, SessionStatus

_log = structlog.get_logger()

# Root jobs mostly wait for their children and cost one thread each.
_SESSIONS_AT_A_TIME: Final = 64
# One machine each; a data mover beside it uses the processor.
_CHILDREN_AT_A_TIME: Final = 8
# A stop is heard within this time.
_LOOK_SECONDS: Final = 0.4
_FLUSH_SECONDS: Final = 0.1
_SWEEP_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 1.0


class Runtime:
    """Carries out the jobs of ``database`` in this process, until `stop`."""

    def __init__(
        self,
        database: Database,
        registry: JobRegistry,
        *,
        provided: Mapping[type, object] | None = None,
        timetable: Timetable | None = None,
        clock: Clock | None = None,
        timing: Timing | None = None,
        children_at_a_time: int = _CHILDREN_AT_A_TIME,
        chores: Sequence[Chore] = (),
    ) -> None:
        self._chores = tuple(chores)
        self._database = database
        self._timing = timing or Timing()
        self._timetable = timetable
        queue_id = new_id()
        self._membership = Membership(database, queue_id, self._timing)
        self._worker = Worker(
            database,
            registry,
            self._membership,
            clock=clock or SystemClock(),
            provided=provided or {},
        )
        self._housekeeping = Housekeeping(database, self._membership, self._worker, self._timing)
        self._dispatcher = Dispatcher(
            database,
            queue_id,
            self._worker.run,
            {Lane.SESSIONS: _SESSIONS_AT_A_TIME, Lane.CHILDREN: children_at_a_time},
        )
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Join the others, take over what dead ones left, and begin to work."""
        self._membership.join()
        self._housekeeping.sweep()
        self._repeat("lease", self._timing.beat_seconds, self._beat, self._ended)
        self._repeat("watch", _LOOK_SECONDS, self._look, self._ended)
        self._repeat("progress", _FLUSH_SECONDS, self._flush, self._ended)
        self._repeat("sweeper", _SWEEP_SECONDS, self._housekeeping.sweep, self._stopping)
        if self._timetable is not None:
            self._repeat("timetable", _TICK_SECONDS, self._timetable.tick, self._stopping)
        for chore in self._chores:
            act = partial(chore.act, lambda: not self._stopping.is_set())
            seconds, first = chore.every.total_seconds(), chore.after.total_seconds()
            self._repeat(chore.name, seconds, act, self._stopping, first=first)
        self._dispatcher.start()
        _log.info("carrying out jobs", executor=self._membership.id)

    def stop(self, *, grace_seconds: float = 20.0) -> None:
        """Drain: begin nothing, let what is at work come to its next check, then leave.

        What is unfinished is continued by another process at once, or by the next start.
        """
        self._stopping.set()
        self._worker.drain()
        deadline = time.monotonic() + grace_seconds
        while self._worker.contexts() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._dispatcher.stop()
        self._membership.leave()
        _log.info("left the work to others", unfinished=len(self._worker.contexts()))

    def _beat(self) -> None:
        if self._membership.beat():
            return
        # Others have declared this process dead while it was frozen or cut off. What it held is
        # theirs now; it goes on as a new member.
        for context in self._worker.contexts():
            context.tell_lost()
        self._membership.join()
        _log.warning("lease lost, joined again", executor=self._membership.id)

    def _look(self) -> None:
        """Tell the jobs at work what has been decided about them."""
        contexts = {context.attempt: context for context in self._worker.contexts()}
        if not contexts:
            return
        with self._database.reading() as db:
            rows = {
                row.id: row
                for row in db.execute(
                    select(JobRow.id, JobRow.epoch, JobRow.state, SessionRow.status)
                    .join(SessionRow, SessionRow.id == JobRow.session_id)
                    .where(JobRow.id.in_([attempt.job_id for attempt in contexts]))
                )
            }
        for attempt, context in contexts.items():
            row = rows.get(attempt.job_id)
            if (
                row is None
                or row.epoch != attempt.epoch
                or row.state != JobState.RUNNING
                or row.status in FINAL
            ):
                context.tell_lost()
            elif row.status == SessionStatus.CANCELING:
                context.tell_cancelled()

    def _flush(self) -> None:
        for context in self._worker.contexts():
            try:
                for item in list(context.items):
                    item.flush_if_due(time.monotonic())
            except LeaseLost:
                context.tell_lost()

    def _repeat(
        self,
        name: str,
        seconds: float,
        act: Callable[[], object],
        until: threading.Event,
        *,
        first: float | None = None,
    ) -> None:
        def loop() -> None:
            pause = seconds if first is None else first
            while not until.wait(pause):
                quietly(name, act)
                pause = seconds

        thread = threading.Thread(target=loop, name=f"kyanite-{name}", daemon=True)
        thread.start()
        self._threads.append(thread)
