"""Network security groups. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_security_groups(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The security groups of a subscription, with their rules."""
    return arm.list(
        f"/subscriptions/{subscription_id}/providers/Microsoft.Network/networkSecurityGroups"
    )
