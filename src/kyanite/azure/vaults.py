"""Key vaults as resources; what lies in one is in ``key_vault``. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_vaults(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The vaults of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/vaults")
