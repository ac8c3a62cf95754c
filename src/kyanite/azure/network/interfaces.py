"""Network interfaces. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_interfaces(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The interfaces of a subscription."""
    return arm.list(
        f"/subscriptions/{subscription_id}/providers/Microsoft.Network/networkInterfaces"
    )


def get(arm: ArmClient, resource_id: str) -> JsonObject:
    """One interface. Raises ``Gone``."""
    return arm.get(resource_id)
