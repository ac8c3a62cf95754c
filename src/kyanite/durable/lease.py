"""Who is alive: every process that carries out jobs beats; the others watch.

No clocks are compared, and nobody is declared dead because the database was slow for all. A
process counts as dead when its ``beat`` has not moved while the *watcher* has beaten
`Timing.silent_beats` times itself. A watcher that is frozen, or cut off from the database, does
not beat, and so declares nobody dead.

The process itself stops trusting its lease a margin before that could happen to it, counted from
before its last successful beat; it always pauses before anybody may take over.

A process on the same host whose pid is gone is dead at once: `kyanite serve` started again after
a kill does not wait for the lease of its former life.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from kyanite.base.clock import SystemClock
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.durable.job_tables import ExecutorRow


@dataclass(frozen=True)
class Timing:
    """The figures of the lease; all processes on one database use the same.

    They let a machine short of everything miss a few beats, and a takeover be done well within
    30 seconds.
    """

    beat_seconds: float = 1.5
    silent_beats: int = 6
    margin_seconds: float = 1.0

    @property
    def lease_seconds(self) -> float:
        """After a beat, nobody can declare the process dead for so long."""
        return (self.silent_beats - 1) * self.beat_seconds

    @property
    def trust_seconds(self) -> float:
        """After a beat began, the process may work for so long without another one."""
        return self.lease_seconds - self.margin_seconds


ALIVE: Final = "alive"
DEAD: Final = "dead"
ENDED: Final = "ended"


@dataclass(frozen=True)
class Process:
    """A process of this or another host. ``started`` tells a pid from its later reuse."""

    host: str
    process_id: int
    started: int


class Membership:
    """This process as a member: its present executor id and how long its lease is good.

    A process that was declared dead while it was frozen goes on under a fresh id.
    """

    def __init__(self, database: Database, queue_id: str, timing: Timing) -> None:
        self._timing = timing
        self._database = database
        self._queue_id = queue_id
        self._lock = threading.Lock()
        self._id = ""
        self._good_until = 0.0
        self._beats = 0

    @property
    def id(self) -> str:
        """The executor id under which this process may claim jobs now."""
        with self._lock:
            return self._id

    @property
    def beats(self) -> int:
        """How often this process has beaten in all its lives: the clock of its `Watch`."""
        with self._lock:
            return self._beats

    def join(self) -> str:
        """Become a member under a fresh id."""
        began = time.monotonic()
        process = this_process()
        now = SystemClock().now()
        fresh = new_id()
        with self._database.writing_briefly() as db:
            db.add(
                ExecutorRow(
                    id=fresh,
                    queue_id=self._queue_id,
                    host=process.host,
                    process_id=process.process_id,
                    process_started=process.started,
                    state=ALIVE,
                    beat=0,
                    started_at=now,
                    beat_at=now,
                )
            )
        with self._lock:
            self._id = fresh
            self._good_until = began + self._timing.trust_seconds
        return fresh

    def beat(self) -> bool:
        """Beat once. False when others have declared this member dead."""
        began = time.monotonic()
        with self._lock:
            mine = self._id
        with self._database.writing_briefly() as db:
            updated = db.execute(
                update(ExecutorRow)
                .where(ExecutorRow.id == mine, ExecutorRow.state == ALIVE)
                .values(beat=ExecutorRow.beat + 1, beat_at=SystemClock().now())
                .returning(ExecutorRow.id)
                .execution_options(synchronize_session=False)
            ).scalar_one_or_none()
        if updated is None:
            return False
        with self._lock:
            self._beats += 1
            if self._id == mine:
                self._good_until = began + self._timing.trust_seconds
        return True

    def holds(self, executor_id: str) -> bool:
        """Whether the lease of ``executor_id`` is this process's own and certainly good now."""
        with self._lock:
            return self._id == executor_id and time.monotonic() < self._good_until

    def leave(self) -> None:
        """End in order: what this process still holds may be taken over at once."""
        with self._lock:
            mine, self._id, self._good_until = self._id, "", 0.0
        with self._database.writing_briefly() as db:
            declare(db, mine, ENDED)


class Watch:
    """Remembers at which of its own beats each member's beat last moved."""

    def __init__(self, timing: Timing) -> None:
        self._silent_beats = timing.silent_beats
        self._moved: dict[str, tuple[int, int]] = {}

    def silent(self, beats: Mapping[str, int], own_beats: int) -> set[str]:
        """Take note of ``beats`` (executor id → beat); returns whose lease has run out."""
        moved: dict[str, tuple[int, int]] = {}
        for id, beat in beats.items():
            before = self._moved.get(id)
            moved[id] = before if before and before[0] == beat else (beat, own_beats)
        self._moved = moved
        return {id for id, (_, at) in moved.items() if own_beats - at >= self._silent_beats}


def living(db: Session) -> list[ExecutorRow]:
    """All members that nobody has declared dead."""
    return list(db.execute(select(ExecutorRow).where(ExecutorRow.state == ALIVE)).scalars())


def declare(db: Session, executor_id: str, state: str) -> None:
    """Declare a living member dead or ended. From then on it can claim and beat no more."""
    db.execute(
        update(ExecutorRow)
        .where(ExecutorRow.id == executor_id, ExecutorRow.state == ALIVE)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )


def is_gone(member: ExecutorRow) -> bool:
    """Whether ``member`` ran on this host and its process is certainly no more."""
    if member.host != host_name():
        return False
    return _start_ticks(member.process_id) != member.process_started


def is_at_work(db: Session, process: Process) -> bool:
    """Whether ``process`` can be trusted to go on with what it has begun.

    That is a living member, or a process of this host that never became one.
    """
    states = db.execute(
        select(ExecutorRow.state).where(
            ExecutorRow.host == process.host,
            ExecutorRow.process_id == process.process_id,
            ExecutorRow.process_started == process.started,
        )
    ).scalars()
    known = list(states)
    if known:
        return ALIVE in known
    is_here = process.host == host_name()
    return is_here and _start_ticks(process.process_id) == process.started


def this_process() -> Process:
    """This very process."""
    pid = os.getpid()
    return Process(host_name(), pid, _start_ticks(pid) or 0)


def host_name() -> str:
    """Names the space in which a pid means one process: machine, boot and pid namespace."""
    boot = _read("/proc/sys/kernel/random/boot_id")
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        namespace = 0
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _start_ticks(pid: int) -> int | None:
    """When the process began, in ticks since boot; None when there is none or only its corpse."""
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
