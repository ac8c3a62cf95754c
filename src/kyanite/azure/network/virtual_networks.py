"""Virtual networks and their subnets. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_virtual_networks(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The virtual networks of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Network/virtualNetworks")


def get(arm: ArmClient, resource_id: str) -> JsonObject:
    """One virtual network. Raises ``Gone``."""
    return arm.get(resource_id)


def find(arm: ArmClient, resource_id: str) -> JsonObject | None:
    """One virtual network, or ``None``."""
    return arm.find(resource_id)


def create(arm: ArmClient, resource_id: str, body: JsonObject) -> JsonObject:
    """Create it, or bring it to this shape, and wait. Idempotent."""
    return arm.put(resource_id, body)


def delete(arm: ArmClient, resource_id: str) -> None:
    """Delete it and wait; a missing one is fine."""
    arm.delete(resource_id)
