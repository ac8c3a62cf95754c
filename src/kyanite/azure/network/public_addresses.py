"""Public addresses. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_public_addresses(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The public addresses of a subscription."""
    return arm.list(
        f"/subscriptions/{subscription_id}/providers/Microsoft.Network/publicIPAddresses"
    )


def get(arm: ArmClient, resource_id: str) -> JsonObject:
    """One public address. Raises ``Gone``."""
    return arm.get(resource_id)
