"""How old what is shown of the inventory is.

The inventory is answered from the database, whether or not Azure can be reached; each answer
says in a header since when it may have changed over there (docs/behaviour/rulings.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.tables import LookRow
from kyanite.http.answers import wire_time

HEADER: Final = "Kyanite-As-Of"


def as_of(*kinds: Kind) -> Callable[[Session, object], Mapping[str, str]]:
    """The headers of answers that come from resources of these kinds, for `Routes`.

    With ``Sync`` the answer is as new as its `Date`.
    """

    def headers(db: Session, query: object) -> Mapping[str, str]:
        if getattr(query, "sync", None):
            return {}
        oldest = oldest_look(
            db,
            kinds,
            account_id=_text(query, "service_account_id"),
            subscription_id=_text(query, "subscription_id"),
        )
        return {} if oldest is None else {HEADER: wire_time(oldest)}

    return headers


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


def _text(query: object, name: str) -> str | None:
    value = getattr(query, name, None)
    return str(value) if value else None
