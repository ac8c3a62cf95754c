"""What can be done with sessions: show them, stop them, outlive what they were about."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.sessions import queries, wire
from kyanite.base.clock import SystemClock
from kyanite.base.errors import Invalid, NotFound
from kyanite.base.json_types import JsonObject
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.stop import stop_session
from kyanite.rules.session_types import Details, session_type
from kyanite.rules.sessions import SessionStatus, is_final


def get_session(db: Session, session_id: str) -> SessionRow:
    """The session. Raises `NotFound`."""
    row = queries.find_session(db, session_id)
    if row is None:
        raise NotFound(f"There is no session {session_id}.")
    return row


def session_with(db: Session, session_id: str, details: Details) -> SessionRow:
    """The session, which must be of a type that has this list of details.

    Raises `Invalid` when it is not, or does not exist: these lists declare no 404
    (docs/behaviour/sessions.md, section 7).
    """
    row = queries.find_session(db, session_id)
    if row is None:
        raise Invalid(f"There is no session {session_id}.")
    if session_type(row.type).details is not details:
        raise Invalid(f"Session {session_id} is a {row.type} and has no {details.value}.")
    return row


def stop(db: Session, session_id: str) -> None:
    """Ask a session to stop; one that has ended or is stopping already stays as it is.

    Raises `NotFound`, and `Invalid` for a running session of a type that runs to its end.
    """
    row = get_session(db, session_id)
    if is_final(SessionStatus(row.status)):
        return
    if not session_type(row.type).stoppable:
        raise Invalid(f"A session of the type {row.type} cannot be stopped.")
    stop_session(db, session_id)


def stop_sessions(db: Session, policy_id: str) -> None:
    """Stop all sessions of a policy that have not ended."""
    # The newest first: a session that waits for another one must not be released meanwhile.
    for session_id in reversed(queries.active_sessions(db, policy_id)):
        stop(db, session_id)


def session_wire(db: Session, request: Request, session_id: str) -> JsonObject:
    """The ``JobSession`` body of a session. Raises `NotFound`."""
    return sessions_wire(db, request, [session_id])[0]


def sessions_wire(db: Session, request: Request, session_ids: Sequence[str]) -> list[JsonObject]:
    """The ``JobSession`` bodies of sessions, in the order given. Raises `NotFound`."""
    counts = queries.item_counts(db, session_ids)
    now = SystemClock().now()
    return [
        wire.session(request, get_session(db, session_id), counts, now)
        for session_id in session_ids
    ]


def policy_removed(db: Session, policy_id: str) -> None:
    """The policy is gone; its sessions stay, with its name."""
    db.execute(
        update(SessionRow).where(SessionRow.policy_id == policy_id).values(policy_removed=True)
    )


def repository_removed(db: Session, repository_id: str) -> None:
    """The repository is gone; its sessions stay, with its name."""
    db.execute(
        update(SessionRow)
        .where(SessionRow.repository_id == repository_id)
        .values(repository_removed=True)
    )
