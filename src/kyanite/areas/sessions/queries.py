"""SQL statements about single sessions and what belongs to them (`listing.py` has the list)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from kyanite.areas.sessions.filters import resource_key
from kyanite.durable.session_tables import ItemRow, ItemRunRow, LogRow, SessionRow
from kyanite.http.pages import Found, Paging, found
from kyanite.rules.sessions import ACTIVE

_AT_ONCE: Final = 100

ItemCounts = Mapping[tuple[str, str], int]
"""How many items there are, by session and kind."""


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
    found: dict[tuple[str, str], SessionRow] = {}
    pairs = [(policy_id, name) for policy_id in policy_ids for name in types]
    for some in _portions(pairs):
        newest = [
            select(SessionRow.id)
            .where(SessionRow.policy_id == policy_id, SessionRow.type.concat("") == name)
            .order_by(SessionRow.began_at.desc(), SessionRow.id.desc())
            .limit(1)
            .scalar_subquery()
            for policy_id, name in some
        ]
        rows = db.scalars(select(SessionRow).where(or_(*(SessionRow.id == one for one in newest))))
        found |= {(row.policy_id or "", row.type): row for row in rows}
    return found


def _portions(pairs: Sequence[tuple[str, str]]) -> Iterable[Sequence[tuple[str, str]]]:
    """So many at a time as one statement can look for."""
    return (pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE))


def item_counts(db: Session, session_ids: Sequence[str]) -> ItemCounts:
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
        statement = statement.where(LogRow.resource_id == resource_key(resource_id))
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
        select(ItemRow.id).where(
            ItemRow.session_id == session_id, ItemRow.resource_id == resource_key(resource_id)
        )
    ).all()
    if not item_ids:
        return None
    return [run for runs in runs_of(db, item_ids).values() for run in runs]
