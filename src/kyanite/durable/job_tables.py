"""The journal of the work: jobs, their stored steps, and the processes that carry them out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, Json, UtcDateTime


class JobState(StrEnum):
    """Where a job stands."""

    HELD = "held"  # of a session that another one releases
    WAITING = "waiting"  # a child that its parent has not admitted yet
    QUEUED = "queued"  # an attempt of the present epoch is in the queue
    RUNNING = "running"  # an executor holds it
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
OPEN: Final = tuple(state for state in JobState if state not in ENDED)


class JobRow(Base):
    """One piece of work. The root job of a session has the session's id.

    ``epoch`` is raised whenever the job is queued again: by a takeover, a retry, a handing over.
    Only the holder of the present epoch may write for the job.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("parent_id", "key"),
        Index(None, "session_id"),
        Index(None, "state", "holder"),
        Index(None, "limit_key", "state"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200), default="")
    kind: Mapped[str] = mapped_column(String(80))
    payload: Mapped[JsonValue] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(12))
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    holder: Mapped[str | None] = mapped_column(String(36))
    limit_key: Mapped[str | None] = mapped_column(String(200))
    retries: Mapped[int] = mapped_column(Integer, default=0)
    result: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    queued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StepRow(Base):
    """The stored result of a finished step. Found by name, so a build with one more step fits."""

    __tablename__ = "job_steps"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    result: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    epoch: Mapped[int] = mapped_column(BigInteger)
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ExecutorRow(Base):
    """One life of a process that carries out jobs.

    ``beat`` counts up while it lives. Others watch it with their own clocks: nobody compares
    the clocks of two machines. ``queue_id`` is the name the job queue knows the process by.
    """

    __tablename__ = "executors"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    queue_id: Mapped[str] = mapped_column(String(36))
    host: Mapped[str] = mapped_column(String(200))
    process_id: Mapped[int] = mapped_column(BigInteger)
    process_started: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10))  # alive, dead (declared by others), ended
    beat: Mapped[int] = mapped_column(BigInteger, default=0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)  # for people; no rule reads it
