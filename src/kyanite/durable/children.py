"""Fan-out: one job per machine, side by side, within the limits of what they share.

A child is a job row from the moment its parent names it. It is *admitted*, that is queued, when
fewer than ``limit`` children with its ``limit_key`` are admitted and not ended, counted over all
sessions and processes in one transaction. A child keeps its place through takeovers and retries,
so a limit of one never means two, and a changed limit is heeded by the next admission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from kyanite.base.errors import Cancelled
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, JsonValue, as_object
from kyanite.db.locks import lock
from kyanite.durable.job_tables import ENDED, OPEN, JobRow, JobState
from kyanite.durable.takeover import requeue

if TYPE_CHECKING:
    from kyanite.durable.context import JobContext

# How often a parent looks after its children.
_LOOK_SECONDS: Final = 0.1
_ADMITTED: Final = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class Child:
    """A job below the present one. ``id`` is unique among the children of this job.

    ``limit``: at most so many with the same ``limit_key`` at a time, in the whole appliance.
    """

    id: str
    kind: str
    payload: JsonObject = field(default_factory=dict)
    limit_key: str | None = None
    limit: int | None = None


@dataclass(frozen=True)
class ChildOutcome:
    """How a child ended: ``done`` with a result, ``failed`` with a reason, or ``cancelled``."""

    id: str
    state: JobState
    result: JsonValue = None
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether it succeeded."""
        return self.state is JobState.DONE


def run_children(context: JobContext, children: Sequence[Child]) -> list[ChildOutcome]:
    """See `JobContext.children`."""
    if context.is_child:
        raise RuntimeError("a child job has no children: both would wait for the same threads")
    with context.transaction() as db:
        _insert_missing(context, db, children)
    while True:
        if context.stopping:
            with context.transaction() as db:
                _cancel_unstarted(context, db)
        else:
            _admit(context, children)
        rows = _rows(context, children)
        if all(row.state in ENDED for row in rows.values()):
            break
        with context.uninterrupted():
            context.check()
        context.pause(_LOOK_SECONDS)
    if context.stopping:
        raise Cancelled("the session was stopped on request")
    return [_outcome(child.id, rows[child.id]) for child in children]


def open_children(db: Session, kind: str) -> list[tuple[str, JsonObject]]:
    """The children of a kind that have not ended, in all sessions: session id and payload."""
    found = db.execute(
        select(JobRow.session_id, JobRow.payload).where(
            JobRow.kind == kind, JobRow.state.in_(OPEN), JobRow.parent_id.is_not(None)
        )
    )
    return [(session_id, as_object(payload)) for session_id, payload in found]


def _insert_missing(context: JobContext, db: Session, children: Sequence[Child]) -> None:
    known = set(db.execute(select(JobRow.key).where(JobRow.parent_id == context.job_id)).scalars())
    db.add_all(
        JobRow(
            id=new_id(),
            session_id=context.session_id,
            parent_id=context.job_id,
            key=child.id,
            kind=child.kind,
            payload=dict(child.payload),
            state=JobState.WAITING,
            epoch=0,
            limit_key=child.limit_key,
            created_at=context.clock.now(),
        )
        for child in children
        if child.id not in known
    )


def _admit(context: JobContext, children: Sequence[Child]) -> None:
    """Queue those waiting children that their limits allow, in the order given."""
    waiting = {
        key: row.id for key, row in _rows(context, children).items() if row.state == "waiting"
    }
    full: set[str] = set()
    for child in children:
        if child.id not in waiting or child.limit_key in full:
            continue
        with context.transaction() as db:
            if child.limit_key is not None and child.limit is not None:
                lock(db, f"limit {child.limit_key}")
                if _admitted(db, child.limit_key) >= max(1, child.limit):
                    full.add(child.limit_key)
                    continue
            job = db.get(JobRow, waiting[child.id], with_for_update=True)
            if job is not None and job.state == JobState.WAITING:
                requeue(db, job)


def _admitted(db: Session, limit_key: str) -> int:
    return db.execute(
        select(func.count())
        .select_from(JobRow)
        .where(JobRow.limit_key == limit_key, JobRow.state.in_(_ADMITTED))
    ).scalar_one()


def _cancel_unstarted(context: JobContext, db: Session) -> None:
    """Children nobody works on yet never begin. Those that had begun clean up by themselves."""
    db.execute(
        update(JobRow)
        .where(
            JobRow.parent_id == context.job_id,
            JobRow.state.in_((JobState.WAITING, JobState.QUEUED)),
            JobRow.started_at.is_(None),
        )
        .values(state=JobState.CANCELLED, finished_at=context.clock.now())
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True)
class _Row:
    id: str
    state: JobState
    result: JsonValue
    error: str | None


def _rows(context: JobContext, children: Sequence[Child]) -> dict[str, _Row]:
    wanted = {child.id for child in children}
    with context.database.reading() as db:
        rows = db.execute(
            select(JobRow.key, JobRow.id, JobRow.state, JobRow.result, JobRow.error).where(
                JobRow.parent_id == context.job_id
            )
        ).all()
    return {
        row.key: _Row(row.id, JobState(row.state), row.result, row.error)
        for row in rows
        if row.key in wanted
    }


def _outcome(id: str, row: _Row) -> ChildOutcome:
    return ChildOutcome(id, row.state, row.result, row.error)
