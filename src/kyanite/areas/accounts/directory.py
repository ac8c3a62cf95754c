"""What Entra says when a sign-in fails, in the words of the contract.

``cloudState`` of an account is read from the directory's ``AADSTS`` codes
(docs/behaviour/accounts-and-users.md, section 1.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from kyanite.areas.accounts.credentials import CERTIFICATE_ORIGIN
from kyanite.azure.arm import ArmClient
from kyanite.azure.resources import subscriptions, tenants
from kyanite.base.errors import AzureError, Denied
from kyanite.base.json_types import as_text

VALID: Final = "Valid"
INVALID: Final = "Invalid"
NO_SUBSCRIPTIONS: Final = "NoSubscriptions"

_CERTIFICATE: Final = "700027"
_CODE: Final = re.compile(r"AADSTS(\d+)")
_STATES: Final = MappingProxyType(
    {
        "7000215": "InvalidClientSecret",  # the secret is not the application's
        "7000222": "ExpiredClientSecret",
        "700027": "CertificateMismatch",  # signed with a key the application does not know
        "700016": "NotFound",  # no such application in the directory
        "7000229": "NotFound",  # the application has no service principal
        "90002": "NotFound",  # no such directory
        "900023": "NotFound",
    }
)


@dataclass(frozen=True)
class Subscription:
    """A subscription as the account sees it."""

    id: str
    name: str
    tenant_id: str
    state: str
    """Azure's word: ``Enabled``, ``Disabled``, ``Warned`` …"""


@dataclass(frozen=True)
class View:
    """What an account sees first: its directory and the subscriptions in it."""

    tenant_name: str | None
    subscriptions: tuple[Subscription, ...]


def is_unknown_tenant(error: AzureError) -> bool:
    """Whether there is no directory to sign in to. The library that asks for its description
    says so in words of its own, without a code."""
    return "AADSTS90002" in str(error) or "Unable to get authority configuration" in str(error)


def cloud_state(error: AzureError) -> str:
    """The state of an account whose sign-in failed like this."""
    if is_unknown_tenant(error):
        return "NotFound"
    found = _CODE.search(f"{error.code} {error}")
    if found and found.group(1) == _CERTIFICATE and "expired" in str(error):
        return "ExpiredCertificate"
    if found and found.group(1) in _STATES:
        return _STATES[found.group(1)]
    return INVALID


def refusal(error: AzureError, origin: str) -> str:
    """The sentence for the person who entered the credentials."""
    reasons = {
        "InvalidClientSecret": "The client secret is wrong.",
        "ExpiredClientSecret": "The client secret has expired; make a new one in Entra ID.",
        "CertificateMismatch": "The certificate is not one of this application.",
        "ExpiredCertificate": "The certificate has expired.",
        "NotFound": "Entra ID knows no such application, or no such tenant.",
    }
    kind = "certificate" if origin == CERTIFICATE_ORIGIN else "client secret"
    reason = reasons.get(
        cloud_state(error), f"Azure does not accept the application with this {kind}."
    )
    return reason if is_unknown_tenant(error) else f"{reason} Azure says: {error}"


def look(arm: ArmClient, tenant_id: str) -> View:
    """Sign in and list what is visible first. Raises ``AzureError``."""
    return View(_tenant_name(arm, tenant_id), subscriptions_seen(arm, tenant_id))


def subscriptions_seen(arm: ArmClient, tenant_id: str) -> tuple[Subscription, ...]:
    """The visible subscriptions by name; those that name no tenant are of ``tenant_id``."""
    visible = (
        Subscription(
            id=as_text(raw.get("subscriptionId")).lower(),
            name=as_text(raw.get("displayName")),
            tenant_id=(as_text(raw.get("tenantId")) or tenant_id).lower(),
            state=as_text(raw.get("state")),
        )
        for raw in subscriptions(arm)
    )
    return tuple(sorted(visible, key=lambda s: (s.name, s.id)))


def _tenant_name(arm: ArmClient, tenant_id: str) -> str | None:
    """The name of the directory; ``None`` when it may not be read: it is only shown."""
    try:
        for raw in tenants(arm):
            if as_text(raw.get("tenantId")).lower() == tenant_id.lower():
                return as_text(raw.get("displayName")) or as_text(raw.get("defaultDomain")) or None
    except Denied:
        return None
    return None
