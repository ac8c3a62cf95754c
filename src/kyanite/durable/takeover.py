"""Giving jobs to new attempts: after a death, after a retry, when something was lost.

`sweep` runs in every process for ever. Each thing it does is a conditional update in a
transaction of its own, so any number of sweepers may do it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kyanite.base.clock import SystemClock
from kyanite.db.database import Database
from kyanite.durable.job_tables import ExecutorRow, JobRow, JobState
from kyanite.durable.lease import ALIVE, DEAD, Watch, declare, is_gone, living
from kyanite.durable.queue import Attempt, Lane, queue_at, queue_of

# A queued job whose attempt the queue does not know any more is queued again after this time.
LOST_SECONDS: Final = 10.0


def requeue(db: Session, job: JobRow, *, delay_seconds: float = 0) -> Attempt:
    """Queue ``job`` again, under the next epoch, in the caller's transaction."""
    job.epoch += 1
    job.state = JobState.QUEUED
    job.holder = None
    job.queued_at = SystemClock().now() + timedelta(seconds=delay_seconds)
    db.flush()
    attempt = Attempt(job.id, job.epoch)
    lane = Lane.SESSIONS if job.parent_id is None else Lane.CHILDREN
    queue_at(db).put(db, attempt, lane, delay_seconds=delay_seconds)
    return attempt


def hasten(db: Session, session_id: str) -> None:
    """Jobs of a session that wait for a retry begin at once: it is to stop, so they clean up."""
    delayed = db.execute(
        select(JobRow)
        .where(
            JobRow.session_id == session_id,
            JobRow.state == JobState.QUEUED,
            JobRow.queued_at > SystemClock().now(),
        )
        .order_by(JobRow.parent_id.is_not(None), JobRow.id)
        .with_for_update()
    ).scalars()
    for job in list(delayed):
        requeue(db, job)


def take_over(database: Database, attempt: Attempt, *, holder: str | None) -> bool:
    """Queue the job of ``attempt`` again if that attempt is still the present one.

    ``holder``: who must be holding it; ``None`` for an attempt that nobody has claimed.
    """
    state = JobState.QUEUED if holder is None else JobState.RUNNING
    with database.writing_briefly() as db:
        job = db.execute(
            select(JobRow).where(JobRow.id == attempt.job_id).with_for_update()
        ).scalar_one_or_none()
        if job is None or job.epoch != attempt.epoch or job.state != state or job.holder != holder:
            return False
        requeue(db, job)
        return True


def sweep(database: Database, watch: Watch, own_beats: int) -> None:
    """Find dead processes and take over what they held."""
    with database.reading() as db:
        members = living(db)
    silent = watch.silent({member.id: member.beat for member in members}, own_beats)
    dead = [member.id for member in members if member.id in silent or is_gone(member)]
    if dead:
        with database.writing_briefly() as db:
            for executor_id in dead:
                declare(db, executor_id, DEAD)
    for attempt, holder in _orphans(database):
        take_over(database, attempt, holder=holder)


def sweep_queue(database: Database) -> None:
    """Free the queue from attempts of dead processes, and find queued jobs it has lost."""
    queue = queue_of(database)
    taken = queue.taken()
    with database.reading() as db:
        alive = set(
            db.execute(select(ExecutorRow.queue_id).where(ExecutorRow.state == ALIVE)).scalars()
        )
    stranded = [one.attempt for one in taken if one.queue_id not in alive]
    for attempt in stranded:
        take_over(database, attempt, holder=None)
    queue.discard(stranded)
    _requeue_lost(database, SystemClock().now())


def requeue_forgotten(
    database: Database, executor_id: str, works_on: Callable[[Attempt], bool]
) -> None:
    """Queue again what this living process holds and does not work on.

    It lost the thread of it when the database was away; nobody else would ever notice.
    ``works_on`` is asked after the database: a job is worked on from before it is claimed.
    """
    for attempt, holder in _held_by(database, executor_id):
        if not works_on(attempt):
            take_over(database, attempt, holder=holder)


def _orphans(database: Database) -> list[tuple[Attempt, str]]:
    """Running jobs whose holder does not live."""
    with database.reading() as db:
        rows = db.execute(
            select(JobRow.id, JobRow.epoch, JobRow.holder)
            .outerjoin(ExecutorRow, ExecutorRow.id == JobRow.holder)
            .where(
                JobRow.state == JobState.RUNNING,
                (ExecutorRow.state.is_(None)) | (ExecutorRow.state != ALIVE),
            )
        ).all()
    return [(Attempt(row.id, row.epoch), row.holder) for row in rows]


def _held_by(database: Database, executor_id: str) -> list[tuple[Attempt, str]]:
    with database.reading() as db:
        rows = db.execute(
            select(JobRow.id, JobRow.epoch).where(
                JobRow.state == JobState.RUNNING, JobRow.holder == executor_id
            )
        ).all()
    return [(Attempt(row.id, row.epoch), executor_id) for row in rows]


def _requeue_lost(database: Database, now: datetime) -> None:
    with database.reading() as db:
        rows = db.execute(
            select(JobRow.id, JobRow.epoch).where(
                JobRow.state == JobState.QUEUED,
                JobRow.queued_at < now - timedelta(seconds=LOST_SECONDS),
            )
        ).all()
    waiting = [Attempt(row.id, row.epoch) for row in rows]
    known = queue_of(database).open_among(waiting)
    for attempt in waiting:
        if attempt not in known:
            take_over(database, attempt, holder=None)


def forget_dead(database: Database, *, older_than: timedelta) -> None:
    """Delete the rows of members that died or ended long ago and hold nothing."""
    held = select(JobRow.holder).where(JobRow.state == JobState.RUNNING, JobRow.holder.is_not(None))
    with database.writing_briefly() as db:
        db.execute(
            delete(ExecutorRow)
            .where(
                ExecutorRow.state != ALIVE,
                ExecutorRow.beat_at < SystemClock().now() - older_than,
                ExecutorRow.id.not_in(held),
            )
            .execution_options(synchronize_session=False)
        )
