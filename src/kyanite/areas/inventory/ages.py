"""How old what is shown of the inventory is.

The inventory is answered from the database, whether or not Azure can be reached; each answer
says in a header since when it may have changed over there (docs/behaviour/rulings.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.look_queries import oldest_look
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


def _text(query: object, name: str) -> str | None:
    value = getattr(query, name, None)
    return str(value) if value else None
