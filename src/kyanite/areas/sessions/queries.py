"""Every SQL statement about sessions that the API shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from kyanite.durable.session_tables import ItemRow, ItemRunRow, LogRow, SessionRow
from kyanite.http.pages import Found, Paging, found
from kyanite.rules.session_types import types_called
from kyanite.rules.sessions import ACTIVE


@dataclass(frozen=True)
class SessionFilter:
    """What a list of sessions is narrowed to; what is not given does not narrow.

    ``text`` is looked for in the names of policy, repository and type. ``since`` and ``until``
    concern the start, or for sessions not begun yet the moment they were accepted.
    ``resource_id`` is a system id or an ARM id.
    """

    policy_id: str | None = None
    text: str | None = None
    statuses: Collection[str] = ()
    types: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    resource_id: str | None = None


def list_sessions(db: Session, wanted: SessionFilter, paging: Paging) -> Found[SessionRow]:
    """The sessions of one page, newest first."""
    began = func.coalesce(SessionRow.started_at, SessionRow.created_at)
    statement = select(SessionRow)
    if wanted.policy_id is not None:
        statement = statement.where(SessionRow.policy_id == wanted.policy_id)
    if wanted.text:
        statement = statement.where(
            or_(
                SessionRow.policy_name.icontains(wanted.text, autoescape=True),
                SessionRow.repository_name.icontains(wanted.text, autoescape=True),
                SessionRow.type.in_(types_called(wanted.text)),
            )
        )
    if wanted.statuses:
        statement = statement.where(SessionRow.status.in_(wanted.statuses))
    if wanted.types:
        statement = statement.where(SessionRow.type.in_(wanted.types))
    if wanted.since is not None:
        statement = statement.where(began >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(began <= wanted.until)
    if wanted.resource_id is not None:
        statement = statement.where(
            SessionRow.id.in_(select(ItemRow.session_id).where(_is_about(wanted.resource_id)))
        )
    ordered = statement.order_by(SessionRow.created_at.desc(), SessionRow.id.desc())
    return found(db, ordered, paging)


def find_session(db: Session, session_id: str) -> SessionRow | None:
    """The session, if there is one."""
    return db.get(SessionRow, session_id)


def active_sessions(db: Session, policy_id: str) -> list[str]:
    """Ids of the sessions of a policy that have not ended, oldest first."""
    return list(
        db.scalars(
            select(SessionRow.id)
            .where(SessionRow.policy_id == policy_id, SessionRow.status.in_(ACTIVE))
            .order_by(SessionRow.created_at, SessionRow.id)
        )
    )


def last_sessions(
    db: Session, policy_ids: Sequence[str], types: Sequence[str]
) -> dict[tuple[str, str], SessionRow]:
    """The newest session of each policy and type, by both."""
    newest = (
        select(
            SessionRow.id,
            func.row_number()
            .over(
                partition_by=(SessionRow.policy_id, SessionRow.type),
                order_by=(SessionRow.created_at.desc(), SessionRow.id.desc()),
            )
            .label("place"),
        )
        .where(SessionRow.policy_id.in_(policy_ids), SessionRow.type.in_(types))
        .subquery()
    )
    rows = db.scalars(
        select(SessionRow).join(newest, newest.c.id == SessionRow.id).where(newest.c.place == 1)
    )
    return {(row.policy_id or "", row.type): row for row in rows}


def item_counts(db: Session, session_ids: Sequence[str]) -> Mapping[tuple[str, str], int]:
    """How many items each session has, by session and kind."""
    rows = db.execute(
        select(ItemRow.session_id, ItemRow.kind, func.count())
        .where(ItemRow.session_id.in_(session_ids))
        .group_by(ItemRow.session_id, ItemRow.kind)
    )
    return {(session_id, kind): count for session_id, kind, count in rows}


def log_lines(db: Session, session_id: str, resource_id: str | None) -> Sequence[LogRow]:
    """The lines of a session, or only those about one resource, in order."""
    statement = select(LogRow).where(LogRow.session_id == session_id)
    if resource_id is not None:
        statement = statement.where(LogRow.resource_id == resource_id)
    return db.scalars(statement.order_by(LogRow.logged_at, LogRow.id)).all()


def list_items(
    db: Session, session_id: str, kind: str, name_pattern: str | None, paging: Paging
) -> Found[ItemRow]:
    """The items of one page, in the order in which they came up."""
    statement = select(ItemRow).where(ItemRow.session_id == session_id, ItemRow.kind == kind)
    if name_pattern:
        statement = statement.where(ItemRow.name.icontains(name_pattern, autoescape=True))
    return found(db, statement.order_by(ItemRow.id), paging)


def runs_of(db: Session, item_ids: Sequence[int]) -> Mapping[int, list[ItemRunRow]]:
    """The attempts at each item, in order."""
    runs: dict[int, list[ItemRunRow]] = {item_id: [] for item_id in item_ids}
    rows = db.scalars(
        select(ItemRunRow)
        .where(ItemRunRow.item_id.in_(item_ids))
        .order_by(ItemRunRow.item_id, ItemRunRow.attempt)
    )
    for row in rows:
        runs[row.item_id].append(row)
    return runs


def runs_of_resource(db: Session, session_id: str, resource_id: str) -> list[ItemRunRow] | None:
    """The attempts at one resource in a session; None when the session has no such item."""
    item_ids = db.scalars(
        select(ItemRow.id).where(ItemRow.session_id == session_id, _is_about(resource_id))
    ).all()
    if not item_ids:
        return None
    return [run for runs in runs_of(db, item_ids).values() for run in runs]


def _is_about(resource_id: str) -> ColumnElement[bool]:
    return or_(ItemRow.resource_id == resource_id, ItemRow.arm_id == resource_id.lower())
