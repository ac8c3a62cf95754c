"""Service accounts: with whose rights Kyanite calls Azure.

Other areas reach Azure through ``AzureAccess.arm_client(account_id)`` and read accounts with
``find_account``, ``get_account`` and ``list_accounts``. Whoever needs an account says so in the
table of uses with ``USED_KIND``; deletion asks there.
"""

from kyanite.areas.accounts.accounts import USED_KIND, ServiceAccount
from kyanite.areas.accounts.clouds import Clouds
from kyanite.areas.accounts.queries import find_account, get_account, list_accounts
from kyanite.areas.accounts.service_accounts import (
    AccountObserver,
    DescribeUsers,
    ServiceAccounts,
)
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.areas.accounts.standard_accounts import (
    STANDARD_ACCOUNT_USED_KIND,
    StandardAccounts,
    StandardLogin,
)
from kyanite.areas.accounts.wiring import provide_accounts

__all__ = [
    "STANDARD_ACCOUNT_USED_KIND",
    "USED_KIND",
    "AccountObserver",
    "AzureAccess",
    "Clouds",
    "DescribeUsers",
    "ServiceAccount",
    "ServiceAccounts",
    "StandardAccounts",
    "StandardLogin",
    "find_account",
    "get_account",
    "list_accounts",
    "provide_accounts",
]
