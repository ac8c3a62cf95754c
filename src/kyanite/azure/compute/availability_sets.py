"""Availability sets. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_sets(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The availability sets of a subscription."""
    return arm.list(
        f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/availabilitySets"
    )
