"""The sessions that people are told of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.json_types import JsonObject, as_object
from kyanite.durable.session_tables import ItemRow, ItemRunRow, SessionRow
from kyanite.rules.notifications import TOLD_RESULTS

_POLICY_TYPES: Final = ("PolicySnapshot", "PolicyBackup", "PolicyArchive")
_DAILY_TYPES: Final = (*_POLICY_TYPES, "VmSnapshotRetention", "BackupRetention", "HealthCheck")


def ended_policy_sessions(db: Session, since: datetime, until: datetime) -> Sequence[SessionRow]:
    """Sessions of policies with a result that is told, that ended after ``since``, in order."""
    return db.scalars(
        select(SessionRow)
        .where(
            SessionRow.finished_at > since,
            SessionRow.finished_at <= until,
            SessionRow.type.in_(_POLICY_TYPES),
            SessionRow.status.in_(TOLD_RESULTS),
        )
        .order_by(SessionRow.finished_at)
    ).all()


def sessions_of_the_day(db: Session, since: datetime) -> Sequence[SessionRow]:
    """What the daily report lists."""
    return db.scalars(
        select(SessionRow)
        .where(SessionRow.began_at > since, SessionRow.type.in_(_DAILY_TYPES))
        .order_by(SessionRow.began_at)
    ).all()


def count_items(db: Session, session_id: str) -> tuple[int, int]:
    """Items of a session, and those of them with warnings or errors."""
    items = select(ItemRow.id).where(ItemRow.session_id == session_id, ItemRow.kind == "protected")
    wrong = (
        select(func.count(func.distinct(ItemRunRow.item_id)))
        .where(ItemRunRow.item_id.in_(items), ItemRunRow.status.in_(("Warning", "Error")))
        .scalar_subquery()
    )
    total = select(func.count()).select_from(items.subquery()).scalar_subquery()
    count, issues = db.execute(select(total, wrong)).one()
    return int(count), int(issues)


def notification_block(db: Session, policy_id: str | None) -> JsonObject:
    """What a policy says itself of whom to tell; empty where it says nothing."""
    policy = db.get(PolicyRow, policy_id) if policy_id else None
    settings = as_object(policy.settings) if policy is not None else {}
    return as_object(settings.get("policyNotificationSettings"))
