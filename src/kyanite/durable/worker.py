"""Carries out one attempt of a job, from the claim to the stored end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from kyanite.base.clock import Clock
from kyanite.base.errors import LeaseLost
from kyanite.base.json_types import JsonValue
from kyanite.db.database import DATABASE_AWAY, Database
from kyanite.durable.claim import Claim, claim
from kyanite.durable.context import JobContext
from kyanite.durable.finish import finish_cancelled, finish_done, finish_failed, finish_retry
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.lease import Membership
from kyanite.durable.outcome import UNEXPECTED, Abandon, Cancel, Decision, Fail, Retry, decide
from kyanite.durable.queue import Attempt

_log = structlog.get_logger()


# While the database is away, the end of a job is stored as soon as it is back.
_STORE_AGAIN_SECONDS: Final = 0.5


class Worker:
    """Carries out attempts in the threads that call it, and knows which are at work."""

    def __init__(
        self,
        database: Database,
        registry: JobRegistry,
        membership: Membership,
        *,
        clock: Clock,
        provided: Mapping[type, object],
    ) -> None:
        self._database = database
        self._registry = registry
        self._membership = membership
        self._clock = clock
        self._provided = provided
        self._lock = threading.Lock()
        self._contexts: dict[Attempt, JobContext | None] = {}
        self._draining = False

    def contexts(self) -> list[JobContext]:
        """The attempts at work."""
        with self._lock:
            return [context for context in self._contexts.values() if context is not None]

    def works_on(self, attempt: Attempt) -> bool:
        """Whether ``attempt`` is at work here, or about to be claimed."""
        with self._lock:
            return attempt in self._contexts

    def drain(self) -> None:
        """Begin no more work; what is at work stops at its next check, to be continued later."""
        self._draining = True
        for context in self.contexts():
            context.tell_lost()

    def run(self, attempt: Attempt) -> None:
        """Carry out ``attempt``; returns when it has ended or is no longer the present one."""
        with self._lock:
            self._contexts[attempt] = None
        try:
            self._run(attempt)
        except (*DATABASE_AWAY, LeaseLost) as error:
            # The sweeper finds the job and queues it again.
            _log.warning("attempt abandoned", job=attempt.job_id, reason=type(error).__name__)
        finally:
            with self._lock:
                del self._contexts[attempt]

    def _run(self, attempt: Attempt) -> None:
        executor_id = self._membership.id
        claimed = claim(self._database, attempt, executor_id)
        if claimed is None or self._draining:
            # Claimed while draining: this process ends, so another one takes it over.
            return
        context = JobContext(
            self._database,
            attempt,
            claimed.session_id,
            clock=self._clock,
            provided=self._provided,
            lease_is_good=lambda: self._membership.holds(executor_id),
            is_child=claimed.is_child,
            retries=claimed.retries,
        )
        if claimed.stopping:
            context.tell_cancelled()
        with self._lock:
            self._contexts[attempt] = context
        if self._draining:  # begun after the others were told to stop
            context.tell_lost()
        decision, result = self._carry_out(context, claimed)
        try:
            self._store(context, lambda: self._finish(context, claimed, decision, result))
        except LeaseLost:
            raise
        except Exception:
            # The end itself cannot be stored, for instance a result that is not JSON. Without
            # this the job would be done again and again.
            _log.exception("the end of a job cannot be stored", job=context.job_id)
            self._store(context, lambda: finish_failed(context, claimed, UNEXPECTED))

    def _carry_out(self, context: JobContext, claimed: Claim) -> tuple[Decision | None, JsonValue]:
        if claimed.stopping and not claimed.begun_before:
            return Cancel(), None
        function = self._registry.find(claimed.kind)
        if function is None:
            return Fail(f"this version of Kyanite knows no work of the kind {claimed.kind}"), None
        try:
            return None, function(context, claimed.payload)
        except Exception as error:
            decision = decide(error, claimed.retries)
            if isinstance(decision, Fail) and decision.unexpected:
                _log.exception("job failed", job=context.job_id, kind=claimed.kind)
            return decision, None

    def _finish(
        self,
        context: JobContext,
        claimed: Claim,
        decision: Decision | None,
        result: JsonValue,
    ) -> None:
        match decision:
            case None:
                finish_done(context, claimed, result)
            case Fail(message):
                finish_failed(context, claimed, message)
            case Cancel():
                finish_cancelled(context, claimed)
            case Retry(after_seconds, message):
                finish_retry(context, claimed, after_seconds, message)
            case Abandon():
                _log.info("job left to another process", job=context.job_id)

    def _store(self, context: JobContext, finish: Callable[[], None]) -> None:
        """Call ``finish`` until the database takes it or this attempt is no longer good."""
        while True:
            try:
                finish()
            except DATABASE_AWAY:
                with context.uninterrupted():
                    context.check()
                time.sleep(_STORE_AGAIN_SECONDS)
            else:
                return


def quietly(what: str, act: Callable[[], object]) -> Exception | None:
    """Call ``act``; an error of any kind is logged and returned, and does not spread.

    For the endless loops of the runtime: one bad turn must not end them.
    """
    try:
        act()
    except DATABASE_AWAY as error:
        _log.warning("the database did not answer", by=what, error=type(error).__name__)
        return error
    except Exception as error:
        _log.exception("unexpected error", by=what)
        return error
    return None
