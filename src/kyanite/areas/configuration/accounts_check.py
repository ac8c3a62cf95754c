"""Type AzureAccounts: credentials, subscriptions and rights of the service accounts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from kyanite.areas.accounts import ServiceAccounts, get_account, list_accounts
from kyanite.areas.accounts import wire as account_wire
from kyanite.areas.accounts.permission_findings import Findings
from kyanite.areas.configuration.findings import Finding, Outcome, outcome_of
from kyanite.base.errors import AzureError, Invalid, KyaniteError, NotFound
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object
from kyanite.db.database import Database

_AT_ONCE: Final = 4
# The same words, except where an account has one more way of not being there.
_STATUS_OF_CLOUD_STATE: Final = {
    "ExpiredClientSecret": "ExpiredClientSecret",
    "InvalidClientSecret": "InvalidClientSecret",
    "ExpiredCertificate": "ExpiredCertificate",
    "CertificateMismatch": "CertificateMismatch",
    "NotFound": "DoesNotExist",
    "NoSubscriptions": "NoSubscriptions",
}
_ENOUGH: Final = "AvailableAll"


@dataclass(frozen=True)
class AccountsCheck:
    """Asks Azure what each account may do."""

    database: Database
    accounts: ServiceAccounts

    def __call__(self) -> Outcome:
        """Look at all accounts, some at a time."""
        with self.database.reading() as db:
            ids = [account.id for account in list_accounts(db)]
        with ThreadPoolExecutor(_AT_ONCE, "check of accounts") as pool:
            found = [one for one in pool.map(self._examine, ids) if one is not None]
        return outcome_of(found, "service accounts")

    def _examine(self, account_id: str) -> Finding | None:
        try:
            result = self.accounts.check_permissions(account_id)
        except NotFound:
            return None  # deleted meanwhile
        except Invalid as refusal:
            return Finding(account_id, self._refused(account_id), "Error", str(refusal))
        except AzureError as error:
            return Finding(account_id, "ValidationFailure", "Error", str(error))
        except KyaniteError as error:  # its secret cannot be opened any more
            return Finding(account_id, "ValidationFailure", "Error", str(error))
        return _judge(account_id, result)

    def _refused(self, account_id: str) -> str:
        """The status of an account that was refused: the check has just recorded why."""
        with self.database.reading() as db:
            state = get_account(db, account_id).cloud_state or ""
        return _STATUS_OF_CLOUD_STATE.get(state, "ValidationFailure")


def _judge(account_id: str, result: Findings) -> Finding:
    subscriptions = as_list(account_wire.findings(result)["subscriptions"])
    if not subscriptions:
        return Finding(account_id, "NoSubscriptions", "Error", "It sees no subscription.")
    lacking = [one for one in map(as_object, subscriptions) if not _is_enough(one)]
    if not lacking:
        return Finding(account_id, "Valid")
    # A role that would do stands for what is missing: it is the remedy.
    role = ", ".join(result.roles) or "a role with the missing permissions"
    rows: Sequence[JsonValue] = [
        {"subscription": one, "roleDefinition": role, "existingRole": None} for one in lacking
    ]
    return Finding(
        account_id,
        "SubscriptionPermissionsMissing",
        "Warning",
        f"Permissions are missing in {len(lacking)} of {len(subscriptions)} subscriptions.",
        {"subscriptions": list(rows)},
    )


def _is_enough(subscription: JsonObject) -> bool:
    return (
        subscription["permissionsState"] == _ENOUGH
        and subscription["resourceProvidersState"] != "Insufficient"
    )
