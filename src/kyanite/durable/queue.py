"""The job queue: the one module that knows DBOS.

DBOS hands queued *attempts* to the threads of all processes that share the database, each
attempt once. An attempt is one job at one epoch; a takeover or a retry is a new attempt with a
new name, so nothing that an old, frozen attempt still writes into the queue's own tables can
concern the new one. What a job has done so far, who holds it and whether it may go on is kept
in our own tables (docs/decisions/0004-sessions-as-durable-jobs.md).

Only public names of DBOS are used; ``tests/durable/test_queue.py`` fails when one of them moves.
Arguments travel as JSON, never as pickle. The application version is pinned: work queued by one
build is carried on by the next.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from weakref import WeakKeyDictionary

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from kyanite.db.database import Database, database_of, set_pragmas

APPLICATION: Final = "kyanite"
# Raised only when attempts queued by older builds can no longer be understood.
APPLICATION_VERSION: Final = "1"
ATTEMPT: Final = "kyanite_attempt"

# Half of this is the mean time a queued job waits for an idle worker; polls of both lanes
# together cost about 4 % of a core.
_POLL_SECONDS: Final = 0.15
_IDLE_IN_TRANSACTION_SECONDS: Final = 10
_SERIALIZER: Final = DBOSPortableJSONSerializer()


class Lane(StrEnum):
    """Where attempts queue. Parents wait for children, so each has a lane of its own."""

    SESSIONS = "kyanite-sessions"
    CHILDREN = "kyanite-children"


@dataclass(frozen=True)
class Attempt:
    """One job at one epoch."""

    job_id: str
    epoch: int

    @property
    def name(self) -> str:
        """The unique name of this attempt in the queue."""
        return f"{self.job_id}.{self.epoch}"

    @classmethod
    def parse(cls, name: str) -> Attempt | None:
        """The attempt of this name; ``None`` when it is not the name of one."""
        job_id, dot, epoch = name.rpartition(".")
        return cls(job_id, int(epoch)) if dot and epoch.isdigit() else None


@dataclass(frozen=True)
class TakenAttempt:
    """An attempt that a process has taken out of the queue and not ended."""

    attempt: Attempt
    queue_id: str


class JobQueue:
    """Puts attempts into the queue and looks after them. Carries none out: see `Dispatcher`."""

    def __init__(self, engine: Engine) -> None:
        self._client = DBOSClient(
            system_database_engine=engine,
            serializer=_SERIALIZER,
            application_name=APPLICATION,
            lazy=True,
        )

    def put(self, db: Session, attempt: Attempt, lane: Lane, *, delay_seconds: float = 0) -> None:
        """Queue ``attempt`` in the caller's transaction."""
        options: EnqueueOptions = {
            "workflow_name": ATTEMPT,
            "queue_name": lane.value,
            "workflow_id": attempt.name,
            "app_version": APPLICATION_VERSION,
        }
        if delay_seconds > 0:
            options["delay_seconds"] = delay_seconds
        self._client.enqueue_in_transaction(db, options, attempt.job_id, attempt.epoch)

    def set_up_lane(self, lane: Lane, worker_concurrency: int) -> None:
        """A process carries out at most ``worker_concurrency`` attempts of it at a time."""
        self._client.register_queue(
            lane.value,
            worker_concurrency=worker_concurrency,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )

    def taken(self) -> list[TakenAttempt]:
        """All attempts that some process has taken out of the queue and not ended."""
        found = self._client.list_workflows(
            status="PENDING", name=ATTEMPT, load_input=False, load_output=False
        )
        return [
            TakenAttempt(attempt, workflow.executor_id or "")
            for workflow in found
            if (attempt := Attempt.parse(workflow.workflow_id)) is not None
        ]

    def open_among(self, attempts: Iterable[Attempt]) -> set[Attempt]:
        """Those of ``attempts`` that still wait in the queue or are being carried out."""
        wanted = {attempt.name: attempt for attempt in attempts}
        if not wanted:
            return set()
        found = self._client.list_workflows(
            workflow_ids=list(wanted),
            status=["ENQUEUED", "DELAYED", "PENDING"],
            load_input=False,
            load_output=False,
        )
        return {wanted[workflow.workflow_id] for workflow in found}

    def discard(self, attempts: Iterable[Attempt]) -> None:
        """Take ``attempts`` out of the queue for good; those already ended are left alone."""
        names = [attempt.name for attempt in attempts]
        if names:
            self._client.cancel_workflows(names)

    def forget_ended(self, *, older_than: timedelta, limit: int = 500) -> int:
        """Delete the queue's records of ended attempts; returns how many there were."""
        ended = self._client.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            name=ATTEMPT,
            end_time=(datetime.now(UTC) - older_than).isoformat(),
            limit=limit,
            load_input=False,
            load_output=False,
        )
        names = [workflow.workflow_id for workflow in ended]
        if names:
            self._client.delete_workflows(names)
        return len(names)


_queues: WeakKeyDictionary[Database, JobQueue] = WeakKeyDictionary()
_queues_lock = threading.Lock()


def queue_of(database: Database) -> JobQueue:
    """The queue in ``database``."""
    with _queues_lock:
        queue = _queues.get(database)
        if queue is None:
            queue = _queues[database] = JobQueue(_queue_engine(database))
        return queue


def queue_at(db: Session) -> JobQueue:
    """The queue in the database of this session."""
    return queue_of(database_of(db))


def prepare_queue(database: Database) -> None:
    """Create or update the queue's own tables. Safe to call by several processes at once."""
    DBOS.migrate(database.url)


class Dispatcher:
    """Takes attempts out of the queue and calls ``run`` for each, in threads of its own.

    There can be only one in a process.
    """

    def __init__(
        self,
        database: Database,
        queue_id: str,
        run: Callable[[Attempt], None],
        concurrency: Mapping[Lane, int],
    ) -> None:
        self._database = database
        self._queue_id = queue_id
        self._run = run
        self._concurrency = dict(concurrency)
        self._engine: Engine | None = None

    def start(self) -> None:
        """Begin to take attempts."""
        global _run
        _run = self._run
        self._engine = _queue_engine(self._database)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self._engine,
            "serializer": _SERIALIZER,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._queue_id,
            "run_migrations": False,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        # Before the launch: it looks for the lanes at once, and then only every second.
        for lane, limit in self._concurrency.items():
            queue_of(self._database).set_up_lane(lane, limit)
        DBOS(config=config)
        DBOS.launch()

    def stop(self) -> None:
        """Take no more attempts. Threads still at work are not waited for."""
        DBOS.destroy()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


_run: Callable[[Attempt], None] | None = None


@DBOS.workflow(name=ATTEMPT)
def _attempt(job_id: str, epoch: int) -> None:
    run = _run
    if run is not None:
        run(Attempt(job_id, epoch))


def _queue_engine(database: Database) -> Engine:
    """An engine for the queue's own transactions, with our settings of durability."""
    if database.kind == "postgresql":
        idle = _IDLE_IN_TRANSACTION_SECONDS * 1000
        return create_engine(
            database.url,
            hide_parameters=True,
            pool_size=5,
            max_overflow=10,
            pool_pre_ping=True,
            connect_args={"options": f"-c idle_in_transaction_session_timeout={idle}"},
        )
    engine = create_engine(
        database.url,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
        pool_size=5,
        max_overflow=20,
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        assert isinstance(connection, sqlite3.Connection)
        # As the queue sets it up itself: every transaction that writes takes the lock at once.
        connection.isolation_level = "IMMEDIATE"
        set_pragmas(connection)

    return engine
