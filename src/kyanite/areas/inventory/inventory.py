"""Keeping the inventory up to date: scans by account, after it was saved and on demand."""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess, ServiceAccount, find_account, list_accounts
from kyanite.areas.inventory import store
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.scan import EVERY_RESOURCE, scan, subscriptions
from kyanite.base.clock import Clock
from kyanite.base.errors import AzureError, NotFound
from kyanite.db.database import Database

_log = logging.getLogger(__name__)


class Inventory:
    """Scans Azure and writes down what it sees.

    Every scan takes what Azure says now, in short transactions, one for each kind and
    subscription; two scans at once do no harm.
    """

    def __init__(self, database: Database, access: AzureAccess, clock: Clock) -> None:
        self._database = database
        self._access = access
        self._clock = clock

    def rescan(
        self,
        account_id: str | None = None,
        *,
        kinds: Collection[Kind] = EVERY_RESOURCE,
        subscription_id: str | None = None,
    ) -> None:
        """Look again: as one account, or as every account; optionally in one subscription.

        One of several accounts failing does not keep the others from looking. Raises
        ``NotFound`` for an unknown account, ``AzureError`` when the only account, or every
        account, fails.
        """
        accounts = self._accounts(account_id)
        failures: list[AzureError] = []
        for account in accounts:
            try:
                self._scan(account, kinds, subscription_id)
            except AzureError as error:
                failures.append(error)
        if failures and len(failures) == len(accounts):
            raise failures[0]
        for failure in failures:
            _log.warning("inventory: an account could not look: %s", failure)

    def account_saved(self, account_id: str) -> None:
        """The first look of a new account (``accounts.AccountObserver``).

        The account stays saved when the look fails; the next rescan makes up for it.
        """
        try:
            self.rescan(account_id)
        except AzureError as error:
            _log.warning("inventory: the first look of account %s failed: %s", account_id, error)

    def account_removed(self, db: Session, account_id: str) -> None:
        """Nothing is seen with this account any more (``accounts.AccountObserver``)."""
        store.forget_account(db, account_id)

    def _accounts(self, account_id: str | None) -> list[ServiceAccount]:
        with self._database.reading() as db:
            if account_id is None:
                return list(list_accounts(db))
            account = find_account(db, account_id)
        if account is None:
            raise NotFound(f"There is no service account {account_id}.")
        return [account]

    def _scan(
        self, account: ServiceAccount, kinds: Collection[Kind], subscription_id: str | None
    ) -> None:
        arm = self._access.arm_client(account.id)
        began_at = self._clock.now()
        rows = subscriptions(
            arm,
            account.environment,
            account.tenant_id,
            account.tenant_name,
            account.chosen_subscription_ids,
        )
        with self._database.writing() as db:
            if find_account(db, account.id) is None:
                return
            store.replace_subscriptions(db, account.id, rows, began_at)
        seen = [str(row["id"]) for row in rows]
        if subscription_id is not None:
            seen = [id_ for id_ in seen if id_ == subscription_id.lower()]
        for found in scan(arm, seen, kinds):
            with self._database.writing() as db:
                if find_account(db, account.id) is None:  # deleted while Azure was answering
                    return
                store.replace_resources(
                    db,
                    account.id,
                    found.subscription_id,
                    found.kind,
                    found.rows,
                    began_at,
                )
                store.replace_tags(db, account.id, found.subscription_id, found.kind, found.tags)
