"""Every SQL statement that reads when the inventory was looked at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.tables import LookRow


def oldest_look(
    db: Session,
    kinds: Collection[Kind],
    *,
    account_id: str | None = None,
    subscription_id: str | None = None,
) -> datetime | None:
    """When the part of the inventory was read that was read the longest ago.

    Of all resources of the kinds, or of what one account sees, or in one subscription; ``None``
    if nobody has ever looked there.
    """
    query = select(func.min(LookRow.looked_at)).where(
        LookRow.kind.in_([kind.value for kind in kinds])
    )
    if account_id:
        query = query.where(LookRow.account_id == account_id.lower())
    if subscription_id and Kind.SUBSCRIPTION not in kinds:
        query = query.where(LookRow.subscription_id == subscription_id.lower())
    return db.scalar(query)
