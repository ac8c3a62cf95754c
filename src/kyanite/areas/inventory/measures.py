"""How old the inventory is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from kyanite.areas.accounts import list_accounts
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.look_queries import oldest_look
from kyanite.http.measures import Measure


def measures(db: Session, now: datetime) -> list[Measure]:
    """Of each service account: since when Azure has not told everything anew."""
    looks = [
        (account, oldest_look(db, tuple(Kind), account_id=account.id))
        for account in list_accounts(db)
    ]
    return [
        Measure(
            "kyanite_inventory_age_seconds",
            "Time since the part of the inventory was read that was read the longest ago.",
            ("account", "id"),
            [((a.name, a.id), (now - at).total_seconds()) for a, at in looks if at is not None],
        )
    ]
