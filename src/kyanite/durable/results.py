"""The items of a session and what became of each."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from kyanite.base.clock import SystemClock
from kyanite.base.json_types import JsonObject
from kyanite.durable.names import RESOURCE, remember_names
from kyanite.durable.session_tables import ItemRow, ItemRunRow
from kyanite.rules.sessions import ACTIVE, SessionStatus


@dataclass(frozen=True)
class ItemResource:
    """The Azure resource an item is about.

    ``id`` is the system id; ``resource`` the members of the contract's ``AzureResource`` as the
    API shows them; ``parent`` its ``{id, name}``, if it has one.
    """

    id: str
    name: str
    arm_id: str | None = None
    resource: JsonObject | None = None
    parent: JsonObject | None = None


@dataclass(frozen=True)
class Bytes:
    """How far an item has come. ``transferred`` is what went over the wire to the repository."""

    total: int = 0
    read: int = 0
    processed: int = 0
    transferred: int = 0


def put_item(
    db: Session,
    session_id: str,
    job_id: str,
    kind: str,
    key: str,
    resource: ItemResource,
    detail: JsonObject | None = None,
) -> int:
    """Insert the item ``key`` unless it is there; returns its number."""
    found = db.execute(
        select(ItemRow.id).where(
            ItemRow.session_id == session_id, ItemRow.kind == kind, ItemRow.key == key
        )
    ).scalar_one_or_none()
    if found is not None:
        return found
    row = ItemRow(
        session_id=session_id,
        kind=kind,
        key=key,
        job_id=job_id,
        resource_id=resource.id or None,
        arm_id=resource.arm_id.lower() if resource.arm_id else None,
        name=resource.name,
        resource=resource.resource,
        parent=resource.parent,
        detail=detail,
        created_at=SystemClock().now(),
    )
    db.add(row)
    remember_names(db, RESOURCE, [(row.resource_id, row.name)])
    db.flush()
    return row.id


def begin_run(db: Session, item_id: int, attempt: int, status: SessionStatus) -> None:
    """Begin an attempt at an item, or find it begun by this job before it was interrupted."""
    run = db.get(ItemRunRow, (item_id, attempt))
    if run is None:
        db.add(
            ItemRunRow(
                item_id=item_id,
                attempt=attempt,
                status=status,
                started_at=SystemClock().now(),
            )
        )
    elif run.status in ACTIVE:
        if run.status == SessionStatus.PENDING:
            run.started_at = SystemClock().now()  # until now it has only waited
        run.status = status
    db.flush()


def end_run(
    db: Session, item_id: int, attempt: int, status: SessionStatus, error: str | None = None
) -> None:
    """End an attempt that is still going; one that has ended stays as it is."""
    db.execute(
        update(ItemRunRow)
        .where(
            ItemRunRow.item_id == item_id,
            ItemRunRow.attempt == attempt,
            ItemRunRow.status.in_(ACTIVE),
        )
        .values(status=status, error=error, ended_at=SystemClock().now())
        .execution_options(synchronize_session="fetch")
    )


def raise_bytes(db: Session, item_id: int, attempt: int, moved: Bytes) -> None:
    """Record how far an attempt has come. What is shown never shrinks, also after a takeover."""
    db.execute(
        update(ItemRunRow)
        .where(ItemRunRow.item_id == item_id, ItemRunRow.attempt == attempt)
        .values(
            total_bytes=_larger(ItemRunRow.total_bytes, moved.total),
            read_bytes=_larger(ItemRunRow.read_bytes, moved.read),
            processed_bytes=_larger(ItemRunRow.processed_bytes, moved.processed),
            transferred_bytes=_larger(ItemRunRow.transferred_bytes, moved.transferred),
        )
        .execution_options(synchronize_session=False)
    )


def item_results(db: Session, session_id: str) -> list[SessionStatus]:
    """The last result of every item that was attempted."""
    last = (
        select(ItemRunRow.item_id, func.max(ItemRunRow.attempt).label("attempt"))
        .join(ItemRow, ItemRow.id == ItemRunRow.item_id)
        .where(ItemRow.session_id == session_id)
        .group_by(ItemRunRow.item_id)
        .subquery()
    )
    rows = db.execute(
        select(ItemRunRow.status).join(
            last,
            (last.c.item_id == ItemRunRow.item_id) & (last.c.attempt == ItemRunRow.attempt),
        )
    ).scalars()
    return [SessionStatus(status) for status in rows]


def _larger(column: InstrumentedAttribute[int], value: int) -> ColumnElement[int]:
    return case((column < value, value), else_=column)
