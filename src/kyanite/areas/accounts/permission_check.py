"""Asking Azure what an account may do, and measuring it against its purposes.

docs/behaviour/accounts-and-users.md, section 1.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from kyanite.areas.accounts.directory import Subscription, View
from kyanite.azure.arm import ArmClient
from kyanite.azure.authorization.permissions import effective_permissions
from kyanite.azure.resources import providers
from kyanite.base.errors import Denied
from kyanite.base.json_types import as_text
from kyanite.rules.permission_sets import providers_for
from kyanite.rules.permissions import Grant, PermissionCheck, Sufficiency, check, unverifiable

_PARALLEL_SUBSCRIPTIONS: Final = 8  # two reads each; far below ARM's limits

ALL_AVAILABLE: Final = "AllPermissionsAvailable"
MISSING_PERMISSIONS: Final = "MissingPermissions"
MISSING_SUBSCRIPTIONS: Final = "MissingSubscriptions"


@dataclass(frozen=True)
class SubscriptionFindings:
    """What the account may do in one subscription."""

    subscription: Subscription
    available: bool
    """Whether the account sees the subscription at all."""
    permissions: PermissionCheck | None
    """``None`` for a subscription that is not seen."""
    missing_providers: tuple[str, ...] | None
    """Resource providers that are not registered; ``None`` when that may not be read."""


def examine(
    arm: ArmClient, view: View, subscription_ids: Sequence[str], purposes: Sequence[str]
) -> list[SubscriptionFindings]:
    """Check ``purposes`` in each of ``subscription_ids``, in their order.

    Raises ``AzureError`` when Azure does not answer; missing rights are findings.
    """
    visible = {subscription.id: subscription for subscription in view.subscriptions}

    def examine_one(subscription_id: str) -> SubscriptionFindings:
        subscription = visible.get(subscription_id)
        if subscription is None:
            lost = Subscription(id=subscription_id, name="", tenant_id="", state="")
            return SubscriptionFindings(lost, False, None, None)
        grants = _grants(arm, subscription_id)
        outcome = unverifiable(purposes) if grants is None else check(grants, purposes)
        return SubscriptionFindings(
            subscription, True, outcome, _missing_providers(arm, subscription_id, purposes)
        )

    with ThreadPoolExecutor(_PARALLEL_SUBSCRIPTIONS, "permissions") as pool:
        return list(pool.map(examine_one, subscription_ids))


def listed_only(view: View, subscription_ids: Sequence[str]) -> list[SubscriptionFindings]:
    """The subscriptions without a word on rights."""
    visible = {subscription.id: subscription for subscription in view.subscriptions}
    return [
        SubscriptionFindings(
            visible.get(one, Subscription(id=one, name="", tenant_id="", state="")),
            one in visible,
            None,
            None,
        )
        for one in subscription_ids
    ]


def states(findings: Sequence[SubscriptionFindings]) -> tuple[str, ...]:
    """``azurePermissionsState`` of an account whose whole scope was examined."""
    found: list[str] = []
    if any(
        f.permissions is not None and f.permissions.sufficiency is not Sufficiency.AVAILABLE_ALL
        for f in findings
    ):
        found.append(MISSING_PERMISSIONS)
    if not findings or any(not f.available for f in findings):
        found.append(MISSING_SUBSCRIPTIONS)
    return tuple(found) or (ALL_AVAILABLE,)


def role_hint(findings: Sequence[SubscriptionFindings]) -> tuple[str, ...]:
    """Built-in roles that would give what is missing (section 1.3, point 4)."""
    actions = [a for f in findings if f.permissions for a in f.permissions.missing_actions]
    data = [
        a.lower() for f in findings if f.permissions for a in f.permissions.missing_data_actions
    ]
    roles = ["Contributor"] if actions else []
    if any("/queueservices/" in a for a in data):
        roles.append("Storage Queue Data Contributor")
    if any("/blobservices/" in a for a in data):
        roles.append("Storage Blob Data Contributor")
    if any(a.startswith("microsoft.keyvault/") for a in data):
        roles.append("Key Vault Crypto User")
    return tuple(roles)


def _grants(arm: ArmClient, subscription_id: str) -> list[Grant] | None:
    """The permissions in force; ``None`` when they may not be read."""
    try:
        return [
            Grant(
                actions=tuple(p.actions),
                not_actions=tuple(p.not_actions),
                data_actions=tuple(p.data_actions),
                not_data_actions=tuple(p.not_data_actions),
            )
            for p in effective_permissions(arm, subscription_id)
        ]
    except Denied:
        return None


def _missing_providers(
    arm: ArmClient, subscription_id: str, purposes: Sequence[str]
) -> tuple[str, ...] | None:
    try:
        registered = {
            as_text(p.get("namespace")).lower()
            for p in providers(arm, subscription_id)
            if as_text(p.get("registrationState")).lower() == "registered"
        }
    except Denied:
        return None
    return tuple(p for p in providers_for(tuple(purposes)) if p.lower() not in registered)
