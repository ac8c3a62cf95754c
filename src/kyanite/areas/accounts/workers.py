"""Which account launches the workers, and where (docs/behaviour/workers.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.accounts import ServiceAccount
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.base.errors import Gone, Invalid
from kyanite.db.database import Database

WORKER_PURPOSE: Final = "WorkerManagement"


def suitable_accounts(accounts: Sequence[ServiceAccount]) -> list[ServiceAccount]:
    """Those that could launch workers: the purpose, and a subscription to do it in."""
    return [a for a in accounts if a.serves(WORKER_PURPOSE) and a.visible_subscription_ids]


class WorkerSelection:
    """Lets one account launch the workers."""

    def __init__(self, database: Database, access: AzureAccess) -> None:
        self._database = database
        self._access = access

    def select(self, account_id: str, subscription_id: str | None, group: str | None) -> None:
        """Select the account, and where; what is not named stays.

        Raises ``NotFound``; ``Invalid`` without the purpose, or for a place that the account
        does not see.
        """
        with self._database.reading() as db:
            account = queries.get_account(db, account_id)
        if not account.serves(WORKER_PURPOSE):
            raise Invalid(f"The service account {account.name} is not meant for workers.")
        place = subscription_id or account.worker_subscription_id
        if subscription_id and subscription_id not in account.visible_subscription_ids:
            raise Invalid.member(
                "SubscriptionId", f"The service account {account.name} does not see it."
            )
        if group:
            self._check_group(account, place, group)
        moved = subscription_id not in (None, account.worker_subscription_id)
        with self._database.writing() as db:
            row = queries.get_row(db, account.id)
            if moved:
                row.worker_resource_group = None  # a group of the former subscription
            queries.select_for_workers(db, row, subscription_id, group)

    def _check_group(self, account: ServiceAccount, place: str | None, group: str) -> None:
        if not place:
            raise Invalid.member("SubscriptionId", "Say in which subscription the group lies.")
        if "/" in group:
            raise Invalid.member("ResourceGroupName", "That is no name of a resource group.")
        arm = self._access.arm_client(account.id)
        try:
            arm.get(f"/subscriptions/{place}/resourceGroups/{group}")
        except Gone:
            raise Invalid.member(
                "ResourceGroupName", f"There is no resource group {group} in the subscription."
            ) from None
