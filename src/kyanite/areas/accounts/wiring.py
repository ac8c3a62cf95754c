"""The parts of the area that routes ask for."""

from __future__ import annotations

from collections.abc import Sequence

from kyanite.areas.accounts.device_sign_ins import DeviceSignIns
from kyanite.areas.accounts.people import People
from kyanite.areas.accounts.registration import Registration
from kyanite.areas.accounts.service_accounts import (
    AccountObserver,
    DescribeUsers,
    ServiceAccounts,
)
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.areas.accounts.standard_accounts import StandardAccounts
from kyanite.areas.accounts.workers import WorkerSelection
from kyanite.base.clock import Clock
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.http.provide import Provisions


def provide_accounts(
    provisions: Provisions,
    database: Database,
    secrets: SecretBox,
    access: AzureAccess,
    clock: Clock,
    observers: Sequence[AccountObserver] = (),
    describe_users: Sequence[DescribeUsers] = (),
) -> ServiceAccounts:
    """Offer everything of the area; the service accounts are returned for others to use."""
    accounts = ServiceAccounts(database, secrets, access, clock, observers, describe_users)
    sign_ins = DeviceSignIns(database, secrets, access, clock)
    sign_ins.forget_old()
    for part in (
        access,
        accounts,
        sign_ins,
        Registration(database, access, sign_ins, accounts, clock),
        People(database, access),
        WorkerSelection(database, access),
        StandardAccounts(secrets, clock),
    ):
        provisions.add(part)
    return accounts
