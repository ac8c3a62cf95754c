"""``Sync=true``: look again in Azure, then answer as if the question had come after that."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory.inventory import Inventory
from kyanite.areas.inventory.kinds import Kind
from kyanite.base.errors import NotFound
from kyanite.base.json_types import JsonObject
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.provide import Provided
from kyanite.http.rights import Principal
from kyanite.http.sign_in import SignedIn


@dataclass(frozen=True)
class Rescan:
    """A look that one request may take."""

    request: Request
    principal: Principal
    operations: Operations
    inventory: Inventory

    def if_asked(
        self,
        asked: bool | None,
        db: Session,
        answer: Callable[[Session], JsonObject],
        *,
        kinds: Collection[Kind],
        account_id: str | None = None,
        subscription_id: str | None = None,
    ) -> JsonObject | Answered:
        """Answer from what is known in ``db``; when asked (``Sync=true``), look first."""
        if not asked:
            return answer(db)
        return self.then(
            answer, kinds=kinds, account_id=account_id, subscription_id=subscription_id
        )

    def then(
        self,
        answer: Callable[[Session], object],
        *,
        kinds: Collection[Kind],
        account_id: str | None = None,
        subscription_id: str | None = None,
        always_operation: bool = False,
    ) -> Answered:
        """Look, then call ``answer``; as an operation when that takes too long, or always.

        An unknown account sees nothing, so there is nothing to look at: lists answer empty then.
        """

        def work(db: Session) -> object:
            with suppress(NotFound):
                self.inventory.rescan(account_id, kinds=kinds, subscription_id=subscription_id)
            return answer(db)

        return self.operations.answer(
            self.request, self.principal, work, always_operation=always_operation
        )


def _rescan(
    request: Request,
    principal: SignedIn,
    operations: Annotated[Operations, Provided(Operations)],
    inventory: Annotated[Inventory, Provided(Inventory)],
) -> Rescan:
    return Rescan(request, principal, operations, inventory)


MayRescan = Annotated[Rescan, Depends(_rescan)]
"""The parameter of a route that can look again: ``def list_regions(rescan: MayRescan, ...)``."""
