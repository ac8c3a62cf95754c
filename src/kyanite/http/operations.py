"""Slow queries and small jobs: the operation pattern (docs/behaviour/api-conventions.md §8.3).

``Operations.answer`` runs a piece of work on a bounded pool of threads and waits for it for a
few seconds. Done by then: the plain result. Otherwise 202 with an operation, whose `result`
later holds exactly what the plain answer would have held.

Operations are rows: any process of the appliance answers `GET /operations/{id}`, and a finished
one outlives a restart. While the work runs, its process renews the row; a row that is not
renewed any more belongs to a process that is gone, and reads as failed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta

import orjson
from sqlalchemy import delete, update
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.base.clock import Clock
from kyanite.base.errors import Forbidden, KyaniteError, NotFound
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.contract.operation import Operation
from kyanite.db.database import Database
from kyanite.http import problems
from kyanite.http.answers import Answered, encode, wire_time
from kyanite.http.links import self_link
from kyanite.http.rights import Principal
from kyanite.http.tables import OperationRow
from kyanite.http.trace import trace_id

_log = logging.getLogger(__name__)

# Clients may come for a result at least an hour after it was ready.
KEEP = timedelta(hours=2)
# A running row is renewed this often; after three missed renewals its process counts as gone.
RENEW_SECONDS = 10.0
ALIVE = timedelta(seconds=3 * RENEW_SECONDS)
_GONE = "The appliance was restarted while this operation ran; send the request again."


@dataclass(frozen=True)
class _Outcome:
    result: object = None
    error: JsonObject | None = None


class Operations:
    """Runs work for requests. One per process; `close` waits for what is running."""

    def __init__(
        self, database: Database, clock: Clock, threads: int = 8, wait_seconds: float = 5.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="operation")
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="operations", daemon=True)
        self._renewing.start()

    def answer(
        self,
        request: Request,
        principal: Principal,
        work: Callable[[Session], object],
        *,
        always_operation: bool = False,
    ) -> Answered:
        """Run `work` and answer with its result, or with an operation when it takes too long.

        `work` gives back what the route would have returned. It gets a session of its own that
        only reads: calls to Azure take long, and a transaction that writes would keep others
        waiting meanwhile. What it changes, it changes through use cases with transactions of
        their own. It must not use the request's session.
        `always_operation` is for operations of the contract that declare nothing but 202.
        Errors of work that was quick enough are raised here, as if it had been called.
        """
        instance, trace = request.url.path, trace_id(request.scope)
        result_type = _result_type(request)
        future: Future[object] = self._pool.submit(self._run, work)
        if not always_operation:
            wait([future], timeout=self._wait_seconds)
            if future.done():
                return Answered(200, future.result())
        row = OperationRow(
            id=new_id(),
            user_id=principal.user_id,
            started_at=self._clock.now(),
            status="Running",
            alive_until=self._clock.now() + ALIVE,
        )
        with self._database.writing() as db:
            db.execute(delete(OperationRow).where(OperationRow.finished_at < row.started_at - KEEP))
            db.add(row)
        with self._lock:
            self._running.add(row.id)
        future.add_done_callback(
            lambda done: self._store(row.id, done, result_type, instance, trace)
        )
        return Answered(202, operation_wire(request, row))

    def get(self, db: Session, operation_id: str, principal: Principal) -> OperationRow:
        """The operation; NotFound if unknown or expired, Forbidden if it is another user's."""
        row = db.get(OperationRow, operation_id)
        if row is None:
            raise NotFound(f"There is no operation {operation_id}.")
        if row.user_id != principal.user_id and not principal.is_administrator:
            raise Forbidden("This operation was started by another user.")
        if row.status == "Running" and row.alive_until < self._clock.now():
            db.expunge(row)
            row.status = "Error"
            row.error = problems.document(500, _GONE, instance="", trace="", facts={})
        return row

    def close(self) -> None:
        """Take no more work and wait for what is running."""
        self._pool.shutdown(wait=True)
        self._closed.set()
        self._renewing.join()

    def _run(self, work: Callable[[Session], object]) -> object:
        with self._database.reading() as db:
            return work(db)

    def _store(
        self,
        operation_id: str,
        done: Future[object],
        result_type: object,
        instance: str,
        trace: str,
    ) -> None:
        error = done.exception()
        outcome = _Outcome()
        if error is None:
            outcome = _Outcome(result=orjson.loads(encode(done.result(), result_type)))
        else:
            if not isinstance(error, KyaniteError) or problems.status_of(error) >= 500:
                _log.error("operation failed", exc_info=error, extra={"trace_id": trace})
                error = KyaniteError("The appliance failed; its log says why.")
            assert isinstance(error, KyaniteError)
            outcome = _Outcome(error=problems.of_error(error, instance=instance, trace=trace))
        with self._database.writing() as db:
            db.execute(
                update(OperationRow)
                .where(OperationRow.id == operation_id)
                .values(
                    status="Success" if outcome.error is None else "Error",
                    result=outcome.result,
                    error=outcome.error,
                    finished_at=self._clock.now(),
                )
            )
        with self._lock:
            self._running.discard(operation_id)

    def _renew(self) -> None:
        while not self._closed.wait(RENEW_SECONDS):
            with self._lock:
                running = list(self._running)
            if running:
                with self._database.writing() as db:
                    db.execute(
                        update(OperationRow)
                        .where(OperationRow.id.in_(running), OperationRow.status == "Running")
                        .values(alive_until=self._clock.now() + ALIVE)
                    )


def _result_type(request: Request) -> object:
    """The wire type of the result: that of the plain answer, or what the operation declares."""
    route = request.scope.get("kyanite.route")
    operation = getattr(route, "operation", None)
    if not isinstance(operation, Operation):
        return None
    plain = operation.answer(200)
    if plain is not None:
        return plain.type
    accepted = operation.answer(202)
    fields = getattr(accepted.type if accepted else None, "model_fields", {})
    return fields["result"].annotation if "result" in fields else None


def operation_wire(request: Request, row: OperationRow) -> JsonObject:
    """The `AsyncOperationOf…` body of an operation."""
    wire: dict[str, JsonValue] = {
        "id": row.id,
        "startTime": wire_time(row.started_at),
        "status": row.status,
        "_links": self_link(request, f"/operations/{row.id}"),
    }
    if row.error is not None:
        wire["error"] = row.error
    if row.status == "Success":
        wire["result"] = row.result
    return wire
