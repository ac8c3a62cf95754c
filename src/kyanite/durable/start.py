"""Sessions begin here: the row that people see and the job that does the work, in one transaction.

Neither can exist without the other. The caller's transaction decides: when it is undone, there
is no session and nothing is queued.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kyanite.base.clock import SystemClock
from kyanite.base.errors import Conflict
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, JsonValue, as_object
from kyanite.durable.job_tables import JobRow, JobState
from kyanite.durable.names import POLICY, REPOSITORY, remember_names
from kyanite.durable.queue import Attempt, Lane, queue_at
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.sessions import SessionStatus

_TRIES: Final = 5


@dataclass(frozen=True)
class NewSession:
    """A session to be started.

    ``type`` is a ``JobSessionType`` of the contract, ``job`` a kind of the job registry.
    ``exclusive_key``: while a session with this key is not final, no other can start; for a
    policy one key per policy and kind. ``held_by``: the session waits, ``Pending``, until that
    session releases it (`release_session`); when that one ends without having done so, this one
    ends too. ``policy_id`` and the names are what the session shows even after they are gone;
    ``info`` are further members of its info block, named as in the contract.
    """

    type: str
    job: str
    payload: JsonObject = field(default_factory=dict)
    initiator: str = ""
    policy_id: str | None = None
    policy_name: str | None = None
    policy_type: str | None = None
    repository_id: str | None = None
    repository_name: str | None = None
    reason: str | None = None
    source_policy_name: str | None = None
    info: JsonObject | None = None
    exclusive_key: str | None = None
    held_by: str | None = None
    session_id: str | None = None


def start_session(db: Session, new: NewSession) -> str:
    """Insert the session and queue its job in the caller's transaction; returns the session's id.

    Raises `Conflict`, naming the running session, when ``exclusive_key`` is taken.
    """
    session_id = new.session_id or new_id()
    now = SystemClock().now()
    _insert(db, _session_row(session_id, new, now))
    remember_names(db, POLICY, [(new.policy_id, new.policy_name)])
    remember_names(db, REPOSITORY, [(new.repository_id, new.repository_name)])
    held = new.held_by is not None
    job = JobRow(
        id=session_id,
        session_id=session_id,
        kind=new.job,
        payload=dict(new.payload),
        state=JobState.HELD if held else JobState.QUEUED,
        epoch=0 if held else 1,
        queued_at=None if held else now,
        created_at=now,
    )
    db.add(job)
    db.flush()
    if not held:
        queue_at(db).put(db, Attempt(session_id, 1), Lane.SESSIONS)
    return session_id


def release_session(
    db: Session, session_id: str, payload_patch: Mapping[str, JsonValue] | None = None
) -> bool:
    """Let a held session begin, in the caller's transaction.

    ``payload_patch`` is merged into the payload of its job. Returns whether it was still held:
    it may have been stopped or released before, which is no error.
    """
    job = db.execute(
        select(JobRow).where(JobRow.id == session_id).with_for_update()
    ).scalar_one_or_none()
    if job is None or job.state != JobState.HELD:
        return False
    job.payload = {**as_object(job.payload), **(payload_patch or {})}
    job.state = JobState.QUEUED
    job.epoch += 1
    job.queued_at = SystemClock().now()
    db.flush()
    queue_at(db).put(db, Attempt(job.id, job.epoch), Lane.SESSIONS)
    return True


def running_session(db: Session, exclusive_key: str) -> str | None:
    """The session that holds ``exclusive_key`` now."""
    return db.execute(
        select(SessionRow.id).where(SessionRow.exclusive_key == exclusive_key)
    ).scalar_one_or_none()


def _session_row(session_id: str, new: NewSession, now: datetime) -> SessionRow:
    return SessionRow(
        id=session_id,
        type=new.type,
        status=SessionStatus.PENDING,
        created_at=now,
        began_at=now,
        initiator=new.initiator,
        policy_id=new.policy_id,
        policy_name=new.policy_name,
        policy_type=new.policy_type,
        repository_id=new.repository_id,
        repository_name=new.repository_name,
        reason=new.reason,
        source_policy_name=new.source_policy_name,
        info=dict(new.info) if new.info is not None else None,
        exclusive_key=new.exclusive_key,
        held_by=new.held_by,
    )


def _insert(db: Session, row: SessionRow) -> None:
    """Insert ``row``; the unique key decides between two who start at the same time."""
    key = row.exclusive_key
    if key is None:
        db.add(row)
        db.flush()
        return
    for _ in range(_TRIES):
        holder = running_session(db, key)
        if holder is not None:
            raise Conflict(
                f"session {holder} is already at work on this; wait for its end or stop it",
                session_id=holder,
            )
        try:
            with db.begin_nested():
                db.add(row)
                db.flush()
            return
        except IntegrityError:
            # Another transaction was first. It has committed: the next look finds its session,
            # or finds that it has ended already.
            db.expunge(row) if row in db else None
    raise Conflict("another session on this is starting at the same time; try again")
