"""What can be bought in a region: sizes of machines, with zones and restrictions. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject, as_text


def machine_sizes(arm: ArmClient, subscription_id: str, region: str) -> Iterator[JsonObject]:
    """The sizes of machines that Azure knows in a region; ``restrictions`` say which of them
    the subscription may not use."""
    found = arm.list(
        f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/skus",
        {"$filter": f"location eq '{region}'"},
    )
    return (sku for sku in found if as_text(sku.get("resourceType")) == "virtualMachines")
