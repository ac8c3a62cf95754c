"""Transactions of a job: they count only while the job's epoch is the present one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.base.errors import LeaseLost
from kyanite.db.database import Database
from kyanite.durable.job_tables import JobRow, JobState
from kyanite.durable.queue import Attempt


@contextmanager
def fenced(database: Database, attempt: Attempt) -> Iterator[Session]:
    """A transaction on behalf of ``attempt``, committed when the block ends.

    Locks the job's row until then, so nobody can take the job over in the middle. Raises
    `LeaseLost`, and changes nothing, when the job has been taken over or has ended.
    """
    with database.writing_briefly() as db:
        require_current(db, attempt)
        yield db


@contextmanager
def fenced_note(database: Database, attempt: Attempt) -> Iterator[Session]:
    """As `fenced`, for what a power cut may take back (`Database.noting`)."""
    with database.noting() as db:
        require_current(db, attempt)
        yield db


def require_current(db: Session, attempt: Attempt) -> None:
    """Lock the job's row; raise `LeaseLost` unless ``attempt`` is the one that runs it."""
    row = db.execute(
        select(JobRow.epoch, JobRow.state).where(JobRow.id == attempt.job_id).with_for_update()
    ).one_or_none()
    if row is None or row.epoch != attempt.epoch or row.state != JobState.RUNNING:
        raise LeaseLost(
            f"another process has taken over job {attempt.job_id}; "
            "what this one still does counts no more"
        )
