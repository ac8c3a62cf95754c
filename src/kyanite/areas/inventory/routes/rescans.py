"""``Sync=true``: look again in Azure, then answer as if the question had come after that."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress

from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory.inventory import Inventory
from kyanite.areas.inventory.kinds import Kind
from kyanite.base.errors import NotFound
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.rights import Principal


def after_rescan(
    request: Request,
    principal: Principal,
    operations: Operations,
    inventory: Inventory,
    answer: Callable[[Session], object],
    *,
    account_id: str | None,
    kinds: Collection[Kind],
    subscription_id: str | None = None,
) -> Answered:
    """Rescan, then call ``answer``; as an operation when that takes too long.

    An unknown account sees nothing, so there is nothing to rescan: lists answer empty then.
    """

    def work(db: Session) -> object:
        with suppress(NotFound):
            inventory.rescan(account_id, kinds=kinds, subscription_id=subscription_id)
        return answer(db)

    return operations.answer(request, principal, work)
