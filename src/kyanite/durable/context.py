"""What a job function is given: the way to everything it may do to its session.

All of it counts only while this attempt is the present one; afterwards every call raises
`LeaseLost` and changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.base.clock import Clock
from kyanite.base.errors import Cancelled, LeaseLost
from kyanite.base.json_types import JsonValue
from kyanite.db.database import Database
from kyanite.durable.children import Child, ChildOutcome, run_children
from kyanite.durable.fence import fenced
from kyanite.durable.job_tables import StepRow
from kyanite.durable.outcome import Abandon, Retry, decide
from kyanite.durable.queue import Attempt
from kyanite.durable.reporting import Reporting
from kyanite.durable.start import release_session

T = TypeVar("T")
R = TypeVar("R")

# How long a durable pause sleeps between looks at cancel and lease.
_PAUSE_SECONDS = 0.25
_DOUBT_SECONDS = 0.1
_AT_ONCE = 8


class JobContext(Reporting):
    """One attempt of one job. Its methods may be called from several threads of the job.

    What it may tell people is in `Reporting`.
    """

    def __init__(
        self,
        database: Database,
        attempt: Attempt,
        session_id: str,
        *,
        clock: Clock,
        provided: Mapping[type, object],
        lease_is_good: Callable[[], bool],
        is_child: bool,
        retries: int = 0,
    ) -> None:
        super().__init__()
        self.database = database
        self.attempt = attempt
        self.session_id = session_id
        self.clock = clock
        self.is_child = is_child
        self.retries = retries
        self._provided = provided
        self._lease_is_good = lease_is_good
        self._cancelled = threading.Event()
        self._lost = threading.Event()
        self._deaf = threading.local()

    @property
    def epoch(self) -> int:
        """Raised at every takeover. Orders, messages and commits carry it."""
        return self.attempt.epoch

    def provided(self, cls: type[T]) -> T:
        """The ``cls`` (a class or a Protocol) that the appliance was wired with."""
        try:
            return cast(T, self._provided[cls])
        except KeyError:
            raise LookupError(f"the appliance was wired without a {cls.__name__}") from None

    # -- stopping ---------------------------------------------------------------------------

    def check(self) -> None:
        """Call this often in long work; it costs nothing.

        Raises `Cancelled` when the session is to stop, `LeaseLost` when another process has
        taken over. While this one cannot renew its lease in time, nobody knows yet: then it
        waits here until the lease is renewed or lost.
        """
        while not self._lease_is_good() and not self._lost.is_set():
            self._lost.wait(_DOUBT_SECONDS)
        if self._lost.is_set():
            raise LeaseLost(f"this process no longer holds job {self.job_id}")
        if self._cancelled.is_set() and not getattr(self._deaf, "depth", 0):
            raise Cancelled("the session was stopped on request")

    @property
    def stopping(self) -> bool:
        """Whether the session was asked to stop; unlike `check` it never raises."""
        return self._cancelled.is_set()

    def will_retry(self, error: Exception) -> bool:
        """Whether the job is done again, from its stored steps, when ``error`` leaves it.

        For handlers that undo what was half made: what the next attempt finds and goes on with
        must stay. After `LeaseLost` another process goes on with it.
        """
        return isinstance(decide(error, self.retries), Retry | Abandon)

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """In this block, in this thread, `check` does not raise `Cancelled`: for cleaning up."""
        self._deaf.depth = getattr(self._deaf, "depth", 0) + 1
        try:
            yield
        finally:
            self._deaf.depth -= 1

    def at_once(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """``work`` of every item, several at a time, in order; the first failure is raised when
        all have ended. `uninterrupted` holds in them as it does here."""
        depth = getattr(self._deaf, "depth", 0)

        def one(item: T) -> R:
            self._deaf.depth = depth
            return work(item)

        everything = list(items)
        if len(everything) < 2:
            return [work(item) for item in everything]
        with ThreadPoolExecutor(min(_AT_ONCE, len(everything)), "at-once") as pool:
            return list(pool.map(one, everything))

    def sleep(self, name: str, seconds: float) -> None:
        """A pause that is not begun anew after a takeover. Ends early with `Cancelled`."""
        until = self.step(
            f"{name}: until", lambda: (self.clock.now() + timedelta(seconds=seconds)).timestamp()
        )
        assert isinstance(until, float)
        while (left := until - self.clock.now().timestamp()) > 0:
            self.check()
            self._cancelled.wait(min(left, _PAUSE_SECONDS))
        self.check()

    # -- steps ------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction of a few quick statements, committed only while this attempt counts.

        It locks the job; do not call Azure, a storage or another context method inside it.
        """
        with fenced(self.database, self.attempt) as db:
            yield db

    def step(self, name: str, function: Callable[[], JsonValue]) -> JsonValue:
        """Call ``function`` and store its answer; when it is stored already, return that.

        ``name`` is unique in the job. A kill between the call and the storing makes the call
        happen again: ``function`` must stand that.
        """
        done, result = self._stored(name)
        if done:
            return result
        self.check()
        result = function()
        with self.transaction() as db:
            db.add(self._step_row(name, result))
        return result

    def find_step(self, name: str) -> JsonValue:
        """What `step` or `record` has stored under the name; None when there is nothing."""
        return self._stored(name)[1]

    def record(self, name: str, function: Callable[[Session], JsonValue]) -> JsonValue:
        """As `step`, for work that is only database writes: it happens exactly once.

        ``function`` writes in the transaction that stores its answer.
        """
        done, result = self._stored(name)
        if done:
            return result
        self.check()
        with self.transaction() as db:
            result = function(db)
            db.add(self._step_row(name, result))
        return result

    def release(
        self, db: Session, session_id: str, payload_patch: Mapping[str, JsonValue] | None = None
    ) -> bool:
        """Let a held session begin, in the transaction ``db``; False if it is not held any more."""
        return release_session(db, session_id, payload_patch)

    # -- children ---------------------------------------------------------------------------

    def children(self, children: Sequence[Child]) -> list[ChildOutcome]:
        """Run ``children`` side by side, here and in other processes, and wait for all of them.

        Answers in the order given. One that fails leaves the others alone; its outcome says
        why. When the session is stopped, no further one begins, those at work stop, and when
        all have ended `Cancelled` is raised.
        """
        return run_children(self, children)

    # -- for the runtime --------------------------------------------------------------------

    def tell_cancelled(self) -> None:
        """Called by the runtime when the session is to stop."""
        self._cancelled.set()

    def tell_lost(self) -> None:
        """Called by the runtime when this attempt is no longer the present one."""
        self._lost.set()

    def pause(self, seconds: float) -> None:
        """Wait ``seconds``; less when this attempt ends before."""
        self._lost.wait(seconds)

    def _stored(self, name: str) -> tuple[bool, JsonValue]:
        with self.database.reading() as db:
            row = db.execute(
                select(StepRow.result).where(StepRow.job_id == self.job_id, StepRow.name == name)
            ).one_or_none()
        return (False, None) if row is None else (True, row.result)

    def _step_row(self, name: str, result: JsonValue) -> StepRow:
        return StepRow(
            job_id=self.job_id,
            name=name,
            result=result,
            epoch=self.epoch,
            finished_at=self.clock.now(),
        )
