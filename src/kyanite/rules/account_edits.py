"""What speaks against a change of a service account.

docs/behaviour/accounts-and-users.md, section 1.4. Errors forbid the change, warnings do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from kyanite.rules.permission_sets import permission_set

_WORKERS: Final = "WorkerManagement"
_PURPOSE_ISSUES: Final = MappingProxyType(
    {
        "Repository": "PurposeRepositoryDependent",
        "VirtualMachineBackup": "PurposeVmPolicyDependent",
        "VirtualMachineRestore": "PurposeVmPolicyDependent",
        "AzureSqlBackup": "PurposeSqlPolicyDependent",
        "AzureSqlRestore": "PurposeSqlPolicyDependent",
        "AzureFiles": "PurposeFilePolicyDependent",
        "VnetBackup": "PurposeVNetPolicyDependent",
        "VnetRestore": "PurposeVNetPolicyDependent",
        "CosmosBackup": "PurposeCosmosPolicyDependent",
        "CosmosRestore": "PurposeCosmosPolicyDependent",
    }
)


@dataclass(frozen=True)
class AccountScope:
    """The part of an account that others rely on."""

    tenant_id: str
    purposes: frozenset[str]
    subscription_ids: frozenset[str] | None
    """``None``: every subscription that it sees."""
    worker_subscription_id: str | None = None
    """Where it launches workers, if it does."""
    launches_workers: bool = False


@dataclass(frozen=True)
class AccountUser:
    """A repository or policy that works with the account's rights."""

    name: str
    purpose: str
    """What it uses the account for."""
    is_repository: bool
    subscription_ids: frozenset[str] = frozenset()
    """Where its storage account, or what it protects, lies."""


@dataclass(frozen=True)
class EditIssue:
    """One thing that speaks against the change."""

    type: str
    """``AccountEditValidationIssueType`` of the contract."""
    is_error: bool
    subscription_id: str | None = None
    policy: str | None = None
    resources: tuple[str, ...] = ()


def edit_issues(
    before: AccountScope, after: AccountScope, users: Sequence[AccountUser]
) -> list[EditIssue]:
    """Everything that would break or weaken."""
    issues: list[EditIssue] = []
    if after.tenant_id != before.tenant_id:
        issues += [_whole_account(user) for user in users]
    removed_purposes = before.purposes - after.purposes
    issues += [_purpose(user) for user in users if user.purpose in removed_purposes]
    if before.launches_workers:
        if _WORKERS in removed_purposes:
            issues.append(EditIssue("SelectedForWorkerManagement", True))
        place = before.worker_subscription_id
        if place and after.subscription_ids is not None and place not in after.subscription_ids:
            issues.append(EditIssue("PrimarySubscriptionMissing", True, place))
    if after.subscription_ids is not None:
        for user in users:
            issues += _lost_subscriptions(user, before, after.subscription_ids)
    return issues


def _whole_account(user: AccountUser) -> EditIssue:
    """Nothing of the old tenant can be reached from another one."""
    if user.is_repository:
        return EditIssue("AccountDependentRepository", True, resources=(user.name,))
    return EditIssue("AccountDependentPolicy", True, policy=user.name)


def _purpose(user: AccountUser) -> EditIssue:
    permission_set(user.purpose)  # an unknown purpose is a mistake of ours
    kind = _PURPOSE_ISSUES[user.purpose]
    if user.is_repository:
        return EditIssue(kind, True, resources=(user.name,))
    return EditIssue(kind, True, policy=user.name)


def _lost_subscriptions(
    user: AccountUser, before: AccountScope, kept: frozenset[str]
) -> list[EditIssue]:
    lost = user.subscription_ids - kept
    if before.subscription_ids is not None:
        lost &= before.subscription_ids
    if user.is_repository:
        return [
            EditIssue("SubscriptionDependentOnRepository", True, one, resources=(user.name,))
            for one in sorted(lost)
        ]
    # A policy goes on with the rest of what it protects, and says what it cannot reach.
    return [
        EditIssue("SubscriptionDependentOnPolicy", False, one, policy=user.name)
        for one in sorted(lost)
    ]
