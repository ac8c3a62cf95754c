"""Every SQL statement about the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.audit.chain import Entry, Head
from kyanite.areas.audit.tables import AuditEntryRow, AuditHeadRow
from kyanite.db.locks import lock
from kyanite.http.audit import Actor, AuditEvent

_ONLY: Final = 1


@dataclass(frozen=True)
class AuditFilter:
    """What an export is narrowed to; what is not given does not narrow."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    target: str | None = None


def hold_head(db: Session) -> AuditHeadRow | None:
    """The head, which nobody else may move until the transaction ends."""
    lock(db, "audit log")
    return db.get(AuditHeadRow, _ONLY, populate_existing=True)


def find_head(db: Session) -> AuditHeadRow | None:
    """The head, if anything was ever recorded."""
    return db.get(AuditHeadRow, _ONLY)


def put_head(db: Session, head: Head, seal: str) -> None:
    """Move the head."""
    row = AuditHeadRow(
        id=_ONLY, number=head.number, hash=head.hash, broken_at=head.broken_at, seal=seal
    )
    db.merge(row)
    db.flush()


def add_entry(db: Session, entry: Entry, entry_hash: str) -> None:
    """Write one entry."""
    event = entry.event
    db.add(
        AuditEntryRow(
            number=entry.number,
            at=entry.at,
            actor_id=event.actor.user_id,
            actor_name=event.actor.name,
            actor_role=event.actor.role,
            address=event.actor.address,
            action=event.action,
            target=event.target,
            status=event.status,
            detail=event.detail,
            hash=entry_hash,
        )
    )
    db.flush()


def last_number(db: Session) -> int:
    """The highest number of an entry; 0 if there is none."""
    return db.scalar(select(func.max(AuditEntryRow.number))) or 0


def hash_of(db: Session, number: int) -> str | None:
    """The hash of an entry, if it is there."""
    return db.scalar(select(AuditEntryRow.hash).where(AuditEntryRow.number == number))


def entries_after(
    db: Session, number: int, most: int, wanted: AuditFilter | None = None
) -> Sequence[AuditEntryRow]:
    """The entries after that number, in order, at most so many."""
    statement = select(AuditEntryRow).where(AuditEntryRow.number > number)
    if wanted is not None:
        if wanted.since is not None:
            statement = statement.where(AuditEntryRow.at >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(AuditEntryRow.at < wanted.until)
        if wanted.actor:
            statement = statement.where(
                func.lower(AuditEntryRow.actor_name) == wanted.actor.lower()
            )
        if wanted.action:
            statement = statement.where(func.lower(AuditEntryRow.action) == wanted.action.lower())
        if wanted.target:
            statement = statement.where(
                AuditEntryRow.target.icontains(wanted.target, autoescape=True)
            )
    return db.scalars(statement.order_by(AuditEntryRow.number).limit(most)).all()


def entry_of(row: AuditEntryRow) -> Entry:
    """The entry that a row holds."""
    actor = Actor(row.actor_id, row.actor_name, row.actor_role, row.address)
    event = AuditEvent(actor, row.action, row.target, row.status, row.detail)
    return Entry(row.number, row.at, event)
