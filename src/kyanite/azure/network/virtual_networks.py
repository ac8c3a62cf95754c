"""Virtual networks. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_networks(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The networks of a subscription, with their subnets."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Network/virtualNetworks")


def find(arm: ArmClient, network_id: str) -> JsonObject | None:
    """One network, or ``None``."""
    return arm.find(network_id)


def create(
    arm: ArmClient,
    network_id: str,
    location: str,
    address_space: str,
    subnet_name: str,
    subnet_space: str,
) -> JsonObject:
    """A network with one subnet; waits until it is there."""
    return arm.put(
        network_id,
        {
            "location": location,
            "properties": {
                "addressSpace": {"addressPrefixes": [address_space]},
                "subnets": [
                    {"name": subnet_name, "properties": {"addressPrefix": subnet_space}},
                ],
            },
        },
    )
