"""Azure SQL as resources: servers, managed instances, elastic pools. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject


def list_servers(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The logical servers of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Sql/servers")


def list_managed_instances(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The managed instances of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Sql/managedInstances")


def list_pools(arm: ArmClient, server_id: str) -> Iterator[JsonObject]:
    """The elastic pools of a logical server."""
    return arm.list(f"{server_id}/elasticPools")
